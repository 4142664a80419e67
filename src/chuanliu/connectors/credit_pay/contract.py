"""The contract `credit-pay/v1` of bank credit pay (信用购): what is sent to a bank, and what its answers come to.

JSON over HTTP; signatures are in `signing`. Ids are decimal text, amounts minor units.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from chuanliu.clock import iso_text
from chuanliu.connectors.bank import BankAnswer, BankRequest, CallKind
from chuanliu.errors import Invalid

PROTOCOL: Final = "credit-pay"
"""The contract's name in products and in listings of simulated banks."""

ROOT: Final = "/credit-pay/v1"
HEALTH_PATH: Final = f"{ROOT}/health"
ANSWER_BYTES_MAX: Final = 64 * 1024

_ID: Final = r"^[0-9]{1,19}\Z"

CallId = Annotated[
    str, msgspec.Meta(pattern=_ID, description="The platform's number of this call: the key of idempotency.")
]
OriginalId = Annotated[str, msgspec.Meta(pattern=_ID, description="The `call_id` of the authorisation.")]
AskedId = Annotated[str, msgspec.Meta(pattern=_ID, description="The `call_id` of the call asked about, of any kind.")]
Minor = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1, description="Minor units of the currency, such as fen or yen.")]
CurrencyCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z", description="ISO 4217.")]
Sent = Annotated[str, msgspec.Meta(max_length=40, description="When the platform sent it, RFC 3339 in UTC.")]
Attempt = Annotated[int, msgspec.Meta(ge=1, description="1, and one more with each repeat under the same `call_id`.")]
Text = Annotated[str, msgspec.Meta(max_length=256)]


class AuthoriseCall(msgspec.Struct, frozen=True, kw_only=True):
    """Reserve the amount on the consumer's line. Without `instalments` it falls due with the next bill."""

    call_id: CallId
    account: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=128, description="The consumer's line, as agreed on linking it."),
    ]
    amount_minor: Minor
    currency: CurrencyCode
    instalments: Annotated[int, msgspec.Meta(ge=0, le=60, description="0 for a payment in full.")]
    plan: Annotated[str, msgspec.Meta(max_length=256, description="The plan's terms, as the platform notes them.")]
    merchant_id: CallId
    merchant_name: Text
    category: Annotated[str, msgspec.Meta(max_length=4, description="Merchant category code; empty if not known.")]
    order_no: Text
    sent_at: Sent
    attempt: Attempt


class FollowUpCall(msgspec.Struct, frozen=True, kw_only=True):
    """Complete or refund an authorisation: at most its amount, of refunds all together."""

    call_id: CallId
    original_call_id: OriginalId
    amount_minor: Minor
    currency: CurrencyCode
    sent_at: Sent
    attempt: Attempt


class ReverseCall(msgspec.Struct, frozen=True, kw_only=True):
    """Undo an authorisation that is not completed. One that never came is reversed too: it must not succeed later."""

    call_id: CallId
    original_call_id: OriginalId
    sent_at: Sent
    attempt: Attempt


class InquireCall(msgspec.Struct, frozen=True, kw_only=True):
    """Ask what became of a call. Changes nothing."""

    call_id: CallId
    asked_call_id: AskedId
    sent_at: Sent
    attempt: Attempt


State = Literal["approved", "declined", "pending"]


class CallAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the call came to; of an inquiry, what the call asked about came to.

    `approved`: it has taken effect. `declined`: it has not and never will. `pending`: not decided, ask again.
    """

    call_id: CallId
    state: State
    code: Annotated[str, msgspec.Meta(max_length=64, description="Why declined: of the list, or your own.")] | None = (
        None
    )
    reference: Annotated[str, msgspec.Meta(max_length=64, description="Your own number of it.")] | None = None


class CallRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every status but 200: the request was not taken, nothing was done for it."""

    code: Annotated[str, msgspec.Meta(max_length=64)]
    detail: Annotated[str, msgspec.Meta(max_length=1024)] = ""


class HealthAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The bank is ready to take calls."""

    status: Literal["ok"]


Call = AuthoriseCall | FollowUpCall | ReverseCall | InquireCall

CALLS: Final[dict[CallKind, type[Call]]] = {
    "authorise": AuthoriseCall,
    "complete": FollowUpCall,
    "refund": FollowUpCall,
    "reverse": ReverseCall,
    "inquire": InquireCall,
}

DECLINE_CODES: Final[dict[str, tuple[str, str]]] = {
    "line_insufficient": ("credit_line_insufficient", "The line does not cover the amount."),
    "line_suspended": ("credit_line_suspended", "The line is suspended or closed."),
    "account_unknown": ("credit_line_suspended", "No such line here."),
    "amount_not_allowed": ("bank_refused", "Below or above what one payment may be."),
    "instalments_not_offered": ("bank_refused", "Not this number of instalments."),
    "risk_refused": ("bank_refused", "The bank's risk control says no."),
    "state_not_allowed": ("bank_refused", "The authorisation is not in a state that allows this, or is reversed."),
    "amount_exceeded": ("bank_refused", "More than is left of the authorisation."),
    "call_unknown": ("bank_call_not_found", "No call with that number has come."),
    "bank_unavailable": ("bank_unavailable", "A system of the bank is down; it was not done and will not be."),
}
"""The contract's codes of a declined call, each with the platform's error code and its sentence."""

REFUSAL_CODES: Final[dict[str, tuple[int, str]]] = {
    "request_malformed": (400, "The body is not what the contract says; `detail` names the place."),
    "signature_invalid": (401, "A signature header is missing or does not verify, or the key is not known."),
    "timestamp_outside_window": (401, "The timestamp is more than 300 seconds away from the bank's clock."),
    "nonce_used": (401, "The nonce has come before."),
    "call_inconsistent": (409, "This `call_id` has come before with other content."),
    "busy": (503, "Too much to do; nothing was done. The platform tries again."),
}
"""The contract's codes of a request that was not taken, each with its status and sentence."""

AFTER_VERIFYING: Final = frozenset({"request_malformed", "busy"})
"""Of these, what a bank says of a request that it verified: signed, it is certain that nothing was done.

The others say nothing certain. Who stands between may hand over a request, send it once more or spoilt, and show the
platform the second answer instead of the first.
"""

_encode: Final = msgspec.json.Encoder().encode
_decode_answer: Final = msgspec.json.Decoder(CallAnswer).decode
_decode_refusal: Final = msgspec.json.Decoder(CallRefusal).decode


def path_of(kind: CallKind) -> str:
    """The contract's path of a call."""
    return f"{ROOT}/{kind}"


def call_body(request: BankRequest) -> bytes:
    """The JSON of a call. Raises `Invalid(invalid_parameter)` naming what is missing or does not fit the contract."""
    document: dict[str, Any] = {
        "call_id": str(request.call_id),
        "amount_minor": request.amount_minor,
        "currency": request.currency,
        "sent_at": iso_text(request.sent_at),
        "attempt": request.attempt,
    }
    if request.kind == "authorise":
        if request.account is None:
            raise Invalid("invalid_parameter", "bank credit pay needs the consumer's account", field="account")
        document |= {
            "account": request.account,
            "instalments": request.instalments,
            "plan": request.plan,
            "merchant_id": str(request.merchant_id),
            "merchant_name": request.merchant_name,
            "category": request.category,
            "order_no": request.order_no,
        }
    elif request.original_call_id is None:
        raise Invalid("invalid_parameter", f"a call to {request.kind} names another call", field="original_call_id")
    else:
        name = "asked_call_id" if request.kind == "inquire" else "original_call_id"
        document[name] = str(request.original_call_id)
    try:
        return _encode(msgspec.convert(document, CALLS[request.kind]))
    except msgspec.ValidationError as failure:
        raise Invalid("invalid_parameter", f"the call does not fit the contract: {failure}") from None


def read_call(kind: CallKind, body: bytes) -> Call:
    """A call as the bank reads it. Raises `Invalid(invalid_parameter)` that names the place."""
    try:
        return msgspec.json.decode(body, type=CALLS[kind])
    except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
        raise Invalid("invalid_parameter", str(failure)) from None


def verdict_of(request: BankRequest, status: int, body: bytes) -> BankAnswer:
    """What an answer comes to whose signature was verified.

    A request that the bank did not take is refused only where no earlier one under the same number can have been.
    """
    if status != 200:
        return _not_taken(request, status, body)
    try:
        answer = _decode_answer(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return INVALID_ANSWER
    if answer.call_id != str(request.call_id):
        return INVALID_ANSWER
    if answer.state == "approved":
        return BankAnswer("succeeded", None, answer.reference)
    if answer.state == "pending":
        return BankAnswer("unknown", "bank_outcome_unknown", answer.reference, "pending")
    reason = DECLINE_CODES.get(answer.code or "", ("bank_refused", ""))[0]
    return BankAnswer("refused", reason, answer.reference, answer.code)


def _not_taken(request: BankRequest, status: int, body: bytes) -> BankAnswer:
    try:
        code = _decode_refusal(body).code
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return unverified(status)
    if REFUSAL_CODES.get(code, (0, ""))[0] != status:
        return unverified(status)
    if code == "call_inconsistent":
        return BankAnswer("unknown", "idempotency_conflict", raw_code=code)
    if code not in AFTER_VERIFYING:
        return BankAnswer("unknown", "bank_answer_invalid", raw_code=code)
    return msgspec.structs.replace(nothing_done(request), raw_code=code)


def unverified(status: int) -> BankAnswer:
    """What an answer comes to that nobody vouches for: a proxy may have given it."""
    reason = "bank_no_answer" if status >= 500 else "bank_answer_invalid"
    return BankAnswer("unknown", reason, raw_code=f"http_{status}")


def nothing_done(request: BankRequest) -> BankAnswer:
    """What it comes to when this request certainly did nothing.

    Refused is the first attempt of an authorisation only: a repeat's earlier attempt may have taken effect, and that
    the bank could not be asked to complete, refund, reverse or inquire is not its no.
    """
    certain = request.attempt == 1 and request.kind == "authorise"
    return BankAnswer("refused" if certain else "unknown", "bank_unavailable")


INVALID_ANSWER: Final = BankAnswer("unknown", "bank_answer_invalid")
"""Not what the contract says, or not signed by the bank: nothing follows from it."""
