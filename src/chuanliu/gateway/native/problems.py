"""Errors as problem details: the API's names of fields, and its statuses where the error's class says too little."""

from __future__ import annotations

from typing import Final

import msgspec

from chuanliu.errors import ChuanliuError
from chuanliu.gateway.native.operation import Answer
from chuanliu.serving import problem_document, status_of

_encode: Final = msgspec.json.Encoder().encode

STATUS_OF_CODE: Final[dict[str, int]] = {
    "order_not_found": 404,
    "payment_not_found": 404,
    "refund_not_found": 404,
    "webhook_not_found": 404,
    "delivery_not_found": 404,
    "campaign_not_found": 404,
    "quote_not_found": 404,
    "plan_not_found": 404,
    "sponsor_not_found": 404,
    "lender_not_found": 404,
    "product_not_found": 404,
    "instrument_not_found": 404,
    "order_inconsistent": 409,
    "refund_inconsistent": 409,
    "idempotency_conflict": 409,
    "code_taken": 409,
}
"""Codes with a status of their own: what is not the caller's does not exist, same key and other content conflict."""

_FIELD_NAMES: Final[dict[str, str]] = {
    "total_amount": "amount.value",
    "refund_amount": "amount.value",
    "refund_currency": "amount.currency",
    "auth_code": "payment_code",
    "time_expire": "expires_at",
    "out_trade_no": "reference",
    "out_request_no": "request_no",
}


def _field_name(code: str, field: str) -> str:
    if code == "order_inconsistent" and field == "currency":
        return "amount.currency"
    return _FIELD_NAMES.get(field, field)


def problem_status(error: ChuanliuError) -> int:
    """The HTTP status of an error in this dialect."""
    return STATUS_OF_CODE.get(error.code) or status_of(error)


def problem_answer(error: ChuanliuError) -> Answer:
    """Problem details (RFC 9457)."""
    status = problem_status(error)
    field = _field_name(error.code, error.field) if error.field is not None else None
    return Answer(status, _encode(problem_document(error, status, field)))


_STATUSES: Final[dict[str, tuple[int, ...]]] = {
    "invalid_parameter": (400,),
    "invalid_json": (400,),
    "invalid_amount": (400,),
    # Malformed in an amount, or another one than the order's.
    "currency_not_supported": (400, 422),
    "api_key_missing": (401,),
    "api_key_invalid": (401,),
    "forbidden": (403,),
    "body_too_large": (413,),
    "unsupported_media_type": (415,),
    "busy": (429, 503),
    "share_exceeded": (429,),
    "unavailable": (503,),
    "internal": (500,),
}


def statuses_of(code: str) -> tuple[int, ...]:
    """The statuses under which an error code is documented; business rules are 422."""
    status = STATUS_OF_CODE.get(code)
    return (status,) if status is not None else _STATUSES.get(code, (422,))
