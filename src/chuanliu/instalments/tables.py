"""Rows of quotes and plans."""

from __future__ import annotations

from typing import Final

from chuanliu.engine import BigIntList, Instant, Integer, Row, SmallInt, Table

QUOTE_STATES: Final[dict[str, frozenset[str]]] = {
    "offered": frozenset({"confirmed", "used"}),
    "confirmed": frozenset({"used", "released"}),
    "used": frozenset(),
    "released": frozenset(),
}
"""A confirmed quote holds its sponsors' shares on their budgets; `used` passes them on to a plan, `released` back."""

PLAN_STATES: Final[dict[str, frozenset[str]]] = {
    "pending": frozenset({"active", "void"}),
    "active": frozenset({"active", "completed", "refunded"}),
    "completed": frozenset({"completed", "refunded"}),
    "refunded": frozenset(),
    "void": frozenset(),
}
"""`pending` waits for the payment, `completed` is repaid, `void` was never paid. An external plan stays `active`."""


class Quote(Row, frozen=True, gc=False):
    """What one consumer was offered for one order. `offers` is `instalments.offers_of`; `choice` the confirmed one.

    `shares` are what it holds on the budgets of `sponsors` while it is confirmed, taken at `reserved_at`.
    """

    cell: SmallInt
    quote_id: int
    consumer_id: int
    merchant_id: int
    order_id: int | None
    currency: str
    amount_minor: int
    status: str
    choice: Integer | None
    offers: bytes
    sponsors: BigIntList
    shares: BigIntList
    reserved_at: Instant | None
    created_at: Instant
    expires_at: Instant


class Plan(Row, frozen=True, gc=False):
    """A payment in instalments, or one with a subsidy. Amounts in minor units.

    `fee_minor` is the lender's price, `buyer_fee_minor` the consumer's part of it; sponsors bear the rest. Lists are
    per instalment (`due_on` as yyyymmdd, `principals`, `fees` of the consumer, `repaid` of both) or per sponsor
    (`subsidies`, `returned`, `waived`: 1 where the sponsor is the bank that forgoes its own fee, without a cash leg,
    `caps`: the most that it had agreed to, 0 without a limit). A refund lowers `principals` and `fees` of instalments
    to come. The rules are those of the product's terms at the purchase: `refund_policy`, `fee_refunded` (the fee comes
    back with the goods), `fee_spared` (an early repayment spares what is not due yet).
    """

    cell: SmallInt
    plan_id: int
    payment_id: int
    order_id: int
    consumer_id: int
    merchant_id: int
    lender_id: int
    product_id: int
    instrument_id: int
    funding: str
    currency: str
    status: str
    instalments: SmallInt
    principal_minor: int
    fee_minor: int
    buyer_fee_minor: int
    buyer_fee_returned_minor: int
    refunded_minor: int
    due_on: BigIntList
    principals: BigIntList
    fees: BigIntList
    repaid: BigIntList
    campaign_ids: BigIntList
    sponsors: BigIntList
    subsidies: BigIntList
    returned: BigIntList
    waived: BigIntList
    caps: BigIntList
    refund_policy: str
    fee_refunded: bool
    fee_spared: bool
    reserved_at: Instant
    created_at: Instant
    completed_at: Instant | None

    @property
    def outstanding_minor(self) -> int:
        """What the consumer still has to pay."""
        return sum(self.principals) + sum(self.fees) - sum(self.repaid)


QUOTE: Table[Quote] = Table("quote", Quote, ("cell", "quote_id"), rank=45)
PLAN: Table[Plan] = Table("plan", Plan, ("cell", "plan_id"), rank=54)
PLANS_OF_PAYMENT = PLAN.index("of_payment", "cell", "payment_id")
PLANS_OF_CONSUMER = PLAN.index("of_consumer", "cell", "consumer_id")
