"""Rows of bills."""

from __future__ import annotations

from typing import Final

from chuanliu.engine import BigIntList, Instant, Integer, Row, SmallInt, Table


class Statement(Row, frozen=True, gc=False):
    """What one line owes at the end of one cycle, in minor units; debts are positive. Written once, by the job.

    `cycle` is yyyymm, `statement_on` and `due_on` are yyyymmdd. Entries `first_seq` to `last_seq` of the account are in
    it. `due_minor` is what is to be paid by `due_on`; the rest of `closing_minor` is instalments of later cycles.
    """

    cell: SmallInt
    consumer_id: int
    product_id: int
    line_no: SmallInt
    cycle: Integer
    instrument_id: int
    account_id: int
    currency: str
    statement_on: Integer
    due_on: Integer
    first_seq: int
    last_seq: int
    opening_minor: int
    purchases_minor: int
    fees_minor: int
    late_fees_minor: int
    interest_minor: int
    refunds_minor: int
    repayments_minor: int
    other_minor: int
    closing_minor: int
    late_fees_owed_minor: int
    interest_owed_minor: int
    overdue_minor: int
    instalments_due_minor: int
    purchases_due_minor: int
    due_minor: int
    minimum_minor: int
    made_at: Instant

    @property
    def later_minor(self) -> int:
        """Instalments of later cycles."""
        return self.closing_minor - self.due_minor


STATEMENT: Table[Statement] = Table(
    "statement", Statement, ("cell", "consumer_id", "product_id", "line_no", "cycle"), rank=56
)
STATEMENTS_OF_CONSUMER = STATEMENT.index("of_consumer", "cell", "consumer_id")
STATEMENTS_OF_LINE = STATEMENT.index("of_line", "cell", "consumer_id", "product_id", "line_no")


class LineStanding(Row, frozen=True, gc=False):
    """What a line owes besides its plans, and how far it was charged and reminded. Days are yyyymmdd, 0 for never."""

    cell: SmallInt
    instrument_id: int
    consumer_id: int
    late_fees_owed_minor: int
    interest_owed_minor: int
    late_cycle: Integer
    penalty_until: Integer
    dunned_cycle: Integer
    dunned_days: Integer
    auto_repay: bool
    spared_until: Integer
    collected_on: Integer


class BillNotice(Row, frozen=True, gc=False):
    """A dunning step that was taken: `days` behind the due date of the cycle's statement."""

    cell: SmallInt
    instrument_id: int
    cycle: Integer
    days: Integer
    consumer_id: int
    template: str
    due_minor: int
    created_at: Instant


class Hardship(Row, frozen=True, gc=False):
    """A re-schedule that the consumer has agreed to."""

    cell: SmallInt
    hardship_id: int
    instrument_id: int
    consumer_id: int
    months: SmallInt
    rescheduled_minor: int
    consent_sha256: bytes
    consented_at: Instant


class RepaymentConsent(Row, frozen=True, gc=False):
    """An agreement to automatic repayment of a line. `methods` are tried in order: 0 is the balance, else a card.

    With `partial` the balance is taken though it does not cover all; a card is always asked for all that is left.
    """

    cell: SmallInt
    consent_id: int
    instrument_id: int
    consumer_id: int
    methods: BigIntList
    partial: bool
    consent_sha256: bytes
    consented_at: Instant


CHARGE_STATES: Final[dict[str, frozenset[str]]] = {
    "due": frozenset({"asked", "declined"}),
    "asked": frozenset({"declined", "applied"}),
    "declined": frozenset(),
    "applied": frozenset(),
}
"""`asked` lasts until the bank's answer is known; nobody else is asked meanwhile. `applied` is on the line."""


class BillCharge(Row, frozen=True, gc=False):
    """What a card was asked to pay of a bill, on a day (yyyymmdd): once a card and day, by an order of the lender."""

    cell: SmallInt
    charge_id: int
    instrument_id: int
    consumer_id: int
    card_id: int
    lender_id: int
    day: Integer
    amount_minor: int
    currency: str
    order_id: int | None
    status: str
    reason: str | None
    created_at: Instant
    completed_at: Instant | None

    @property
    def is_open(self) -> bool:
        """Whether it is not known yet what it comes to."""
        return self.status in ("due", "asked")


class FeedLine(Row, frozen=True, gc=False):
    """A line that a bank gave of an account whose product it services. Days are yyyymmdd, amounts positive.

    `payment_id` is set where it is about a payment that passed here.
    """

    cell: SmallInt
    instrument_id: int
    reference: str
    consumer_id: int
    product_id: int
    kind: str
    posted_on: Integer
    due_on: Integer
    amount_minor: int
    currency: str
    text: str
    payment_id: int | None
    taken_at: Instant


LINE_STANDING: Table[LineStanding] = Table("line_standing", LineStanding, ("cell", "instrument_id"), rank=57)
BILL_NOTICE: Table[BillNotice] = Table(
    "bill_notice", BillNotice, ("cell", "instrument_id", "cycle", "days"), rank=58, append_only=True
)
HARDSHIP: Table[Hardship] = Table("hardship", Hardship, ("cell", "hardship_id"), rank=59, append_only=True)
REPAYMENT_CONSENT: Table[RepaymentConsent] = Table(
    "repayment_consent", RepaymentConsent, ("cell", "consent_id"), rank=61
)
CONSENTS_OF_LINE = REPAYMENT_CONSENT.index("of_line", "cell", "instrument_id")
BILL_CHARGE: Table[BillCharge] = Table("bill_charge", BillCharge, ("cell", "charge_id"), rank=62)
CHARGES_OF_LINE = BILL_CHARGE.index("of_line", "cell", "instrument_id")
FEED_LINE: Table[FeedLine] = Table("feed_line", FeedLine, ("cell", "instrument_id", "reference"), rank=63)
FEED_LINES_OF_CONSUMER = FEED_LINE.index("of_consumer", "cell", "consumer_id")
