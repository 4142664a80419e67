"""The consumer's wallet balance as a funding method: internal, so its answers are never unknown."""

from __future__ import annotations

from typing import Final

from chuanliu.engine import Context, Keys, Rows
from chuanliu.errors import Refused
from chuanliu.funding.method import Answer, FundingMethod, Leg, Verdict
from chuanliu.ids import cell_of_id
from chuanliu.ledger import HOLD, end_hold, lock_account, place_hold, post, post_hold

_REASONS: Final = {
    "balance_below_floor": "balance_insufficient",
    "account_not_found": "no_funding_method",
    "account_closed": "no_funding_method",
    "account_blocked": "buyer_blocked",
    "currency_mismatch": "currency_not_supported",
}


def _refused(error: Refused) -> Answer:
    return Answer(Verdict.REFUSED, _REASONS.get(error.code, "payment_refused"))


class _Balance:
    name: str = "balance"
    external: bool = False

    def lock(self, keys: Keys, source: int) -> None:
        lock_account(keys, source)

    def authorise(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        try:
            hold = place_hold(
                rows, context, leg.source, leg.destination, leg.amount_minor, "payment", leg.payment_id, None
            )
        except Refused as error:
            return _refused(error)
        return Answer(Verdict.SUCCEEDED, reference=str(hold.hold_id))

    def capture(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        hold = rows.get(HOLD, *_hold_key(leg))
        if hold is None:
            return Answer(Verdict.REFUSED, "payment_refused")
        try:
            with rows.whole():
                post_hold(rows, context, hold, leg.amount_minor, final=True)
        except Refused as error:
            return _refused(error)
        return Answer(Verdict.SUCCEEDED, reference=leg.reference)

    def charge(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        try:
            post(rows, context, leg.cell, leg.source, leg.destination, leg.amount_minor, "payment", leg.payment_id)
        except Refused as error:
            return _refused(error)
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


BALANCE: Final[FundingMethod] = _Balance()
"""Pays from the consumer's balance account."""
