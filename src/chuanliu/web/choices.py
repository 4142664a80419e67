"""Ways to pay as the cashier shows them: each means that a payer has, and what it costs in full and in instalments."""

from __future__ import annotations

import msgspec


class Choice(msgspec.Struct, frozen=True):
    """One offer, to be chosen by its `position` in the quote; None for one that was chosen before.

    `payments` are the amounts due, one for each instalment, or the whole in one. `fee_minor` is the payer's, of a price
    of `price_minor`. `rate_ppm` is the annualised rate in millionths. `first_due` is yyyymmdd, 0 for at once.
    `bill_month` (yyyymm) is the month whose bill would be heaviest with it, `bill_percent` that bill in per cent of the
    payer's ideal one, None where she set none; `until` is the last month that it falls on. 0 for what is on no bill.
    """

    position: int | None
    payments: tuple[int, ...]
    fee_minor: int = 0
    price_minor: int = 0
    rate_ppm: int = 0
    first_due: int = 0
    bill_month: int = 0
    bill_percent: int | None = None
    until: int = 0

    @property
    def count(self) -> int:
        """The number of payments."""
        return len(self.payments)

    @property
    def total_minor(self) -> int:
        """What the payer pays altogether."""
        return sum(self.payments)

    @property
    def each_minor(self) -> int:
        """What most instalments are."""
        return self.payments[len(self.payments) // 2] if self.payments else 0

    @property
    def odd_at(self) -> str:
        """Which instalment differs from the others: `first`, `last`, or none of the two."""
        if self.count < 2:
            return ""
        if self.payments[0] != self.each_minor:
            return "first"
        return "last" if self.payments[-1] != self.each_minor else ""

    @property
    def odd_minor(self) -> int:
        """The instalment that differs."""
        return self.payments[0 if self.odd_at == "first" else -1]

    @property
    def interest_free(self) -> bool:
        """Whether it is split at no cost to the payer."""
        return len(self.payments) > 1 and self.fee_minor == 0


class Means(msgspec.Struct, frozen=True):
    """What a payer can pay with: the balance, or a lender's card or line under its own name.

    `kind` is one of the wish's means. What cannot pay this order has no choices and a `refusal_code`; `refused` are
    numbers of instalments that it is not offered in, each with the error code that says why.
    """

    kind: str
    name: str = ""
    lender: str = ""
    masked: str = ""
    available_minor: int | None = None
    currency: str = "CNY"
    choices: tuple[Choice, ...] = ()
    refusal_code: str = ""
    refused: tuple[tuple[int, str], ...] = ()

    @property
    def split(self) -> tuple[Choice, ...]:
        """What can be chosen in instalments."""
        return tuple(choice for choice in self.choices if choice.count > 1)

    @property
    def from_minor(self) -> int:
        """The smallest instalment."""
        return min(choice.each_minor for choice in self.split)

    @property
    def interest_free(self) -> bool:
        """Whether some choice is in instalments at no cost."""
        return any(choice.interest_free for choice in self.split)
