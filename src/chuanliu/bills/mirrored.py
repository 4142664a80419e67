"""Bills of products that other lenders service, as seen here: not the bank's statement.

What is known is the plans of payments that passed here. The bank also bills what it was paid elsewhere, and knows of
repayments, which we do not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from chuanliu.instalments import Plan

MIRRORED_LABEL: Final = ("仅为本平台所见，并非银行账单", "As seen here, not your bank's statement")


class MirroredBill(msgspec.Struct, frozen=True):
    """What payments made here bring onto one bill of a bank: `month` is yyyymm of the due date, `due_on` yyyymmdd."""

    product_id: int
    instrument_id: int
    currency: str
    month: int
    due_on: int
    instalments: int
    principal_minor: int
    fee_minor: int

    @property
    def due_minor(self) -> int:
        """Principal and fee."""
        return self.principal_minor + self.fee_minor


def mirrored_bills(plans: Iterable[Plan]) -> tuple[MirroredBill, ...]:
    """The instalments of external plans by instrument and month, oldest first; what refunds have cut is off."""
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
    return tuple(sorted(found.values(), key=lambda bill: (bill.due_on, bill.instrument_id)))
