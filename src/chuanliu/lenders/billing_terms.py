"""Terms of what a serviced product bills: the minimum payment, grace, what lateness costs, in which order a repayment
is taken.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal

import msgspec

Claim = Literal["fees", "interest", "principal"]

WATERFALL: Final[tuple[Claim, ...]] = ("fees", "interest", "principal")


class DunningStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reminder so many days after the due date; before it with a negative number. `template` names its text."""

    days: int
    template: str


class BillingTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a product bills. Rates are decimal text in percent.

    `minimum_pct` is the part of purchases without instalments that the minimum payment takes; instalments, what is
    overdue, fees and interest count whole, and the least is `minimum_floor_minor`. After `grace_days` behind the due
    date an unpaid minimum costs `late_fee_minor` once for each statement. `penalty_daily_pct` is charged for every day
    on what is overdue. `waterfall` is the order in which a repayment is taken.
    """

    minimum_pct: str = "10"
    minimum_floor_minor: int = 0
    grace_days: int = 3
    late_fee_minor: int = 0
    penalty_daily_pct: str = "0"
    waterfall: tuple[Claim, ...] = WATERFALL
    dunning: tuple[DunningStep, ...] = ()

    @property
    def minimum_part(self) -> Decimal:
        """`minimum_pct` as a factor."""
        return Decimal(self.minimum_pct) / 100

    @property
    def penalty_daily(self) -> Decimal:
        """`penalty_daily_pct` as a factor."""
        return Decimal(self.penalty_daily_pct) / 100
