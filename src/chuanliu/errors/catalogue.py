"""The stable error codes. A code never changes its meaning; what is retired is not used again."""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, str]] = {
    # Refused: business rules of orders, payments, refunds
    "order_not_found": "No such order for this merchant.",
    "order_already_paid": "The order has been paid.",
    "order_closed": "The order is closed and can no longer be paid or changed.",
    "order_finished": "The order is finished; its refund window is over.",
    "order_status_invalid": "The order's status does not allow this operation.",
    "order_inconsistent": "An order with this number exists with other content.",
    "order_expired": "The order's time to pay is over.",
    "amount_too_large": "The amount is above the limit for one order.",
    "buyer_is_seller": "Buyer and seller are the same party.",
    "buyer_mismatch": "The order belongs to another buyer.",
    "buyer_not_found": "No such consumer.",
    "buyer_blocked": "The consumer may not pay at present.",
    "balance_insufficient": "The consumer's balance is not sufficient.",
    "payment_code_invalid": "The payment code is unknown, used or expired.",
    "payment_refused": "The payment was refused by the funding method.",
    "payment_not_found": "No such payment.",
    "payment_in_progress": "Another payment of this order is in progress.",
    "no_funding_method": "None of the consumer's funding methods can pay this order.",
    "seller_not_found": "No such merchant.",
    "seller_blocked": "The merchant may not receive payments at present.",
    "seller_balance_insufficient": "The merchant's funds are not sufficient for the refund.",
    "refund_exceeds_payment": "The refund is larger than what is left of the payment.",
    "refund_not_found": "No such refund.",
    "refund_inconsistent": "A refund with this number exists with another amount.",
    "refund_not_allowed": "The order does not allow refunds.",
    "cancel_too_late": "The time to cancel is over; refund instead.",
    "currency_not_supported": "The currency is not supported here.",
    "confirmation_too_late": "The payment no longer waits for its payer.",
    # Refused: ledger
    "account_not_found": "No such account.",
    "account_exists": "The account exists already.",
    "account_closed": "The account is closed.",
    "account_blocked": "The account is blocked: nothing may be taken from it.",
    "balance_below_floor": "The transfer would take the account below its floor.",
    "currency_mismatch": "Debit and credit account have different currencies.",
    "same_account": "Debit and credit account are the same.",
    "hold_not_found": "No such hold.",
    "hold_not_active": "The hold is already posted, voided or expired.",
    "hold_exceeded": "More was to be posted than the hold reserves.",
    "budget_exhausted": "The budget is exhausted.",
    # Parties
    "merchant_not_found": "No such merchant.",
    "app_not_found": "No such app.",
    "key_not_found": "No such key.",
    "consumer_not_found": "No such consumer.",
    "pay_password_wrong": "The pay password is wrong.",
    "pay_password_locked": "Too many wrong pay passwords; try again later.",
    "webhook_not_found": "No such webhook endpoint.",
    "delivery_not_found": "No such delivery.",
    "destination_refused": "The destination address is not allowed.",
    # Invalid
    "invalid_parameter": "A parameter is missing or malformed.",
    "invalid_amount": "The amount is malformed or out of range.",
    "invalid_json": "The body is not valid JSON.",
    "body_too_large": "The request is larger than allowed.",
    "route_not_found": "No such resource.",
    "method_not_allowed": "The method is not allowed on this resource.",
    "unsupported_media_type": "The content type is not supported here.",
    # Unauthenticated, Forbidden
    "api_key_missing": "An API key is required.",
    "api_key_invalid": "The API key is unknown or revoked.",
    "signature_invalid": "The signature does not match.",
    "forbidden": "This key may not do that.",
    # Conflict
    "idempotency_conflict": "The idempotency key was used with other content.",
    # Busy, Unavailable
    "busy": "Too many requests are waiting; try again.",
    "unavailable": "The service is not available at the moment; try again.",
    "internal": "Something went wrong on our side; ask for the outcome before trying again.",
}

HTTP_STATUS: Final[dict[str, int]] = {
    "Refused": 422,
    "Invalid": 400,
    "Unauthenticated": 401,
    "Forbidden": 403,
    "NotFound": 404,
    "Conflict": 409,
    "Busy": 429,
    "Unavailable": 503,
}
