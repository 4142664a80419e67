"""Funding methods on accounts of our own ledger: the wallet balance, and credit lines whose debt is on our books.

Their answers are never unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chuanliu.engine import Context, Keys, Rows
from chuanliu.errors import Refused
from chuanliu.funding.method import Answer, FundingMethod, Leg, Verdict
from chuanliu.ids import cell_of_id
from chuanliu.ledger import HOLD, end_hold, lock_account, place_hold, post, post_hold

_REASONS: Final = {
    "account_not_found": "no_funding_method",
    "account_closed": "no_funding_method",
    "account_blocked": "buyer_blocked",
    "currency_mismatch": "currency_not_supported",
}


class _Internal:
    external: bool = False

    def __init__(self, name: str, reasons: Mapping[str, str]) -> None:
        self.name = name
        self._reasons = {**_REASONS, **reasons}

    def _refused(self, error: Refused) -> Answer:
        return Answer(Verdict.REFUSED, self._reasons.get(error.code, "payment_refused"))

    def lock(self, keys: Keys, source: int, reference: str | None = None) -> None:
        lock_account(keys, source)

    def authorise(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        try:
            hold = place_hold(
                rows, context, leg.source, leg.destination, leg.amount_minor, "payment", leg.payment_id, None
            )
        except Refused as error:
            return self._refused(error)
        return Answer(Verdict.SUCCEEDED, reference=str(hold.hold_id))

    def capture(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        hold = rows.get(HOLD, *_hold_key(leg))
        if hold is None:
            return Answer(Verdict.REFUSED, "payment_refused")
        try:
            with rows.whole():
                post_hold(rows, context, hold, leg.amount_minor, final=True)
        except Refused as error:
            return self._refused(error)
        return Answer(Verdict.SUCCEEDED, reference=leg.reference)

    def charge(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        try:
            post(rows, context, leg.cell, leg.source, leg.destination, leg.amount_minor, "payment", leg.payment_id)
        except Refused as error:
            return self._refused(error)
        return Answer(Verdict.SUCCEEDED)

    def void(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        hold = rows.get(HOLD, *_hold_key(leg))
        if hold is not None and hold.status == "active":
            end_hold(rows, hold, "voided")
        return Answer(Verdict.SUCCEEDED, reference=leg.reference)

    def refund(self, rows: Rows, context: Context, leg: Leg, refund_id: int) -> Answer:
        post(rows, context, leg.cell, leg.destination, leg.source, leg.amount_minor, "refund", refund_id)
        return Answer(Verdict.SUCCEEDED)

    def inquire(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        hold = rows.get(HOLD, *_hold_key(leg)) if leg.reference else None
        if hold is not None and hold.status in ("active", "posted"):
            return Answer(Verdict.SUCCEEDED, reference=leg.reference)
        return Answer(Verdict.REFUSED, "payment_refused")


def _hold_key(leg: Leg) -> tuple[int, int]:
    hold_id = int(leg.reference or 0)
    return cell_of_id(hold_id), hold_id


BALANCE: Final[FundingMethod] = _Internal("balance", {"balance_below_floor": "balance_insufficient"})
"""Pays from the consumer's balance account."""

CREDIT_LINE: Final[FundingMethod] = _Internal("credit_line", {"balance_below_floor": "credit_line_insufficient"})
"""Pays on credit whose debt is our books': the source is the line's credit-used account, its floor minus the limit."""
