"""Bills of products that other lenders service, as seen here: not the bank's statement.

What is known is the plans of payments that passed here, and what the bank has told of the rest. Until it has told its
own total for a bill, which settles it, the bill is labelled as seen here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from chuanliu.bills.feeds import elsewhere
from chuanliu.bills.tables import FeedLine
from chuanliu.instalments import Plan

MIRRORED_LABEL: Final = ("仅为本平台所见，并非银行账单", "As seen here, not your bank's statement")


RECONCILED_LABEL: Final = ("银行提供的账单金额", "As your bank has billed it")


class MirroredBill(msgspec.Struct, frozen=True):
    """One bill of a bank: `month` is yyyymm of the due date, `due_on` yyyymmdd.

    `principal_minor` and `fee_minor` are what payments made here bring, `elsewhere_minor` what the bank's lines add or
    take off, `billed_minor` the bank's own total, None until it has told it.
    """

    product_id: int
    instrument_id: int
    currency: str
    month: int
    due_on: int
    instalments: int
    principal_minor: int
    fee_minor: int
    elsewhere_minor: int = 0
    billed_minor: int | None = None

    @property
    def seen_minor(self) -> int:
        """What is known from payments made here and from single lines, at least nothing."""
        return max(0, self.principal_minor + self.fee_minor + self.elsewhere_minor)

    @property
    def due_minor(self) -> int:
        """The bank's own total, or what is seen."""
        return self.seen_minor if self.billed_minor is None else self.billed_minor

    @property
    def label(self) -> tuple[str, str]:
        """What it is called, in Chinese and English."""
        return MIRRORED_LABEL if self.billed_minor is None else RECONCILED_LABEL


def mirrored_bills(plans: Iterable[Plan], lines: Iterable[FeedLine] = ()) -> tuple[MirroredBill, ...]:
    """Bills of other lenders by instrument and month, oldest first; what refunds have cut off instalments is off.

    `lines` are what banks have told: a line about a payment whose plan has an instalment in that month is not counted
    beside it. Of several totals of a bill the newest holds.
    """
    mine = list(plans)
    found = _of_plans(mine)
    passed = frozenset((plan.payment_id, due_on // 100) for plan in mine for due_on in plan.due_on)
    given = sorted(lines, key=lambda each: (each.posted_on, each.taken_at, each.reference))
    for line in given:
        key = line.instrument_id, line.due_on // 100
        known = found.get(key)
        if known is None:
            known = MirroredBill(line.product_id, line.instrument_id, line.currency, key[1], line.due_on, 0, 0, 0)
        if line.kind == "bill":
            known = msgspec.structs.replace(known, billed_minor=line.amount_minor, due_on=line.due_on)
        found[key] = known
    for change in elsewhere(tuple(given), passed):
        key = change.instrument_id, change.month
        known = found[key]
        found[key] = msgspec.structs.replace(known, elsewhere_minor=known.elsewhere_minor + change.change_minor)
    return tuple(sorted(found.values(), key=lambda bill: (bill.due_on, bill.instrument_id)))


def _of_plans(plans: Iterable[Plan]) -> dict[tuple[int, int], MirroredBill]:
    found: dict[tuple[int, int], MirroredBill] = {}
    for plan in plans:
        if plan.funding != "external" or plan.status not in ("active", "completed", "refunded"):
            continue
        for due_on, principal, fee in zip(plan.due_on, plan.principals, plan.fees, strict=True):
            if principal + fee == 0:
                continue
            key = plan.instrument_id, due_on // 100
            known = found.get(key)
            found[key] = MirroredBill(
                plan.product_id,
                plan.instrument_id,
                plan.currency,
                due_on // 100,
                due_on if known is None else min(known.due_on, due_on),
                1 + (0 if known is None else known.instalments),
                principal + (0 if known is None else known.principal_minor),
                fee + (0 if known is None else known.fee_minor),
            )
    return found
