"""Bank feeds: lines of accounts whose products a lender services, each taken once or refused by itself."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from chuanliu.bills import FeedKind, TakeFeedLine
from chuanliu.errors import ChuanliuError, Invalid
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.fields import id_of, unreadable
from chuanliu.money import parse_amount

LINES_MAX: Final = 1000

_Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class FeedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to 1,000 lines, each an object as docs/bank-feeds.md says."""

    lines: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=LINES_MAX)]


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    account: str
    reference: str
    kind: FeedKind
    posted_on: _Day
    due_on: _Day
    amount: str
    currency: str = "CNY"
    text: str = ""
    call: str | None = None


def _command(lender_id: int, raw: Any) -> TakeFeedLine:
    """Raises `Invalid` or `NotFound` for a line that cannot be read."""
    try:
        line = msgspec.convert(raw, _Line)
    except msgspec.ValidationError as error:
        raise unreadable(error) from None
    return TakeFeedLine(
        lender_id,
        id_of(line.account, "instrument_not_found"),
        line.reference,
        line.kind,
        int(line.posted_on.replace("-", "")),
        int(line.due_on.replace("-", "")),
        parse_amount(line.amount, line.currency, field="amount", at_least_minor=0),
        line.currency,
        line.text,
        None if line.call is None else id_of(line.call, "bank_call_not_found"),
    )


async def take_feed(services: Services, lender_id: int, lines: list[Any]) -> list[dict[str, Any]]:
    """Take lines of a lender; of each in its order what became of it: taken, known, or refused with code and field."""
    read: list[TakeFeedLine | ChuanliuError] = []
    for raw in lines:
        try:
            read.append(_command(lender_id, raw))
        except ChuanliuError as error:
            read.append(error)
    answers = iter(await services.engine.submit_all([each for each in read if isinstance(each, TakeFeedLine)]))
    outcomes = [next(answers) if isinstance(each, TakeFeedLine) else each for each in read]
    return [_told(raw, outcome) for raw, outcome in zip(lines, outcomes, strict=True)]


def _told(raw: Any, outcome: Any) -> dict[str, Any]:
    reference = raw.get("reference") if isinstance(raw, dict) else None
    told: dict[str, Any] = {"reference": reference if isinstance(reference, str) else None}
    if isinstance(outcome, ChuanliuError):
        told |= {"status": "refused", "code": outcome.code, "message": outcome.message}
        if outcome.field is not None:
            told["field"] = outcome.field
        return told
    return told | {"status": "taken" if outcome else "known"}


def read_lines(text: str) -> list[Any]:
    """Lines of a file: an object with `lines`, or one object a line. Raises `Invalid(invalid_json)` naming the line."""
    try:
        whole = msgspec.json.decode(text)
    except msgspec.DecodeError:
        whole = None
    if isinstance(whole, dict) and isinstance(whole.get("lines"), list):
        return list(whole["lines"])
    found = []
    for number, row in enumerate(text.splitlines(), 1):
        if not row.strip():
            continue
        try:
            found.append(msgspec.json.decode(row))
        except msgspec.DecodeError:
            raise Invalid("invalid_json", f"line {number} is not valid JSON", field="file") from None
    return found
