"""What a consumer's API takes and gives. Amounts are decimal text in the document's currency, months are yyyymm."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chuanliu.gateway.native.fields import END, Id

AmountText = Annotated[
    str, Meta(description="Major units.", examples=["88.88"], pattern=r"^-?[0-9]+(\.[0-9]{1,3})?" + END)
]
Wanted = Annotated[
    str,
    Meta(
        description="Major units; 0 takes it back.", examples=["2000.00"], pattern=r"^[0-9]{1,9}(\.[0-9]{1,3})?" + END
    ),
]
Month = Annotated[int, Meta(ge=197001, le=999912, description="yyyymm")]
Day = Annotated[str, Meta(description="A day, yyyy-mm-dd.", extra_json_schema={"format": "date"})]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]" + END, examples=["22:00"])]
Channel = Literal["in-app", "email"]


class BillStatement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of a line in our books, with its figures."""

    product: Id
    cycle: Month
    statement_on: Day
    due_on: Day
    currency: str
    first_seq: int
    last_seq: int
    opening: AmountText
    purchases: AmountText
    fees: AmountText
    late_fees: AmountText
    interest: AmountText
    refunds: AmountText
    repayments: AmountText
    other: AmountText
    closing: AmountText
    due: AmountText
    minimum: AmountText
    overdue: AmountText
    instalments_due: AmountText
    purchases_due: AmountText
    later: AmountText


class MirroredBillDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One bill of another lender, as seen here: `seen` from payments made here and from what the bank has told, of
    which `elsewhere` is what did not pass here. `reconciled` once the bank has told its own total, which is `due` then.
    """

    label: str
    product: Id
    month: Month
    due_on: Day
    due: AmountText
    seen: AmountText
    elsewhere: AmountText
    reconciled: bool
    currency: str


class Bills(msgspec.Struct, frozen=True):
    """All bills of the consumer who is signed in."""

    statements: tuple[BillStatement, ...]
    mirrored: tuple[MirroredBillDocument, ...]


Method = Annotated[
    str,
    Meta(
        pattern="^(balance|[0-9]{1,19})" + END,
        description="`balance`, or the number of a debit card.",
        examples=["balance"],
    ),
]


class RepaymentCharge(msgspec.Struct, frozen=True, kw_only=True):
    """What a card was asked for on a day: `reason` says why it declined."""

    day: Day
    card: Id
    amount: AmountText
    status: str
    reason: str | None


class RepaymentLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the consumer's, and how it stands with its automatic repayment. Charges are newest first."""

    instrument: Id
    product: Id
    currency: str
    automatic: bool
    methods: tuple[Method, ...]
    partial: bool
    charges: tuple[RepaymentCharge, ...]


class RepaymentCard(msgspec.Struct, frozen=True, kw_only=True):
    """A debit card of hers that a line in its currency may be repaid from."""

    instrument: Id
    masked: str
    currency: str


class Repayments(msgspec.Struct, frozen=True, kw_only=True):
    """All lines of the consumer who is signed in, and the cards that she may choose."""

    lines: tuple[RepaymentLine, ...]
    cards: tuple[RepaymentCard, ...]


class RepaymentAgreement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From what a line is repaid on its due day, in the order in which it is tried.

    `partial`: of the balance also less than all. Without `consent_sha256` nothing changes: the answer has the text.
    """

    methods: Annotated[tuple[Method, ...], Meta(min_length=1, max_length=5)]
    partial: bool = True
    consent_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}" + END)] | None = None


class RepaymentOffered(msgspec.Struct, frozen=True, kw_only=True):
    """The text of an agreement and its digest; `agreed` where that digest was sent."""

    text: str
    consent_sha256: str
    agreed: bool
    line: RepaymentLine


class Interval(msgspec.Struct, frozen=True):
    """Where the bill will end: in four cases of five between `low` and `high`, half of the time below `middle`."""

    low: AmountText
    middle: AmountText
    high: AmountText


class IdealProposal(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed ideal bill, which of its inputs decided, and the inputs; null where one is not known."""

    amount: AmountText
    reason: Literal["income", "history", "commitments"]
    habit: AmountText | None
    income_part: AmountText | None
    committed: AmountText
    months: int


class BillProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The bill that purchases of today come onto. `percent` is of the ideal bill."""

    month: Month
    opened_on: Day
    closes_on: Day
    days_left: int
    due_days: tuple[Day, ...]
    bill: AmountText
    committed: AmountText
    repaid: AmountText
    percent: int | None
    end: Interval | None


class MonthLeft(msgspec.Struct, frozen=True):
    """What is unpaid of a month."""

    month: Month
    left: AmountText


class RepaymentPressure(msgspec.Struct, frozen=True, kw_only=True):
    """The index, `load` + `history`, and its inputs: see docs/assistant.md for the formula."""

    index: int
    level: Literal["calm", "watch", "heavy", "critical"]
    load: int
    history: int
    months: tuple[MonthLeft, ...]
    late_statements: int
    statements: int
    overdue: AmountText


class DayLeft(msgspec.Struct, frozen=True):
    """What is unpaid of what is due on a day."""

    on: Day
    left: AmountText


class CalendarMonth(msgspec.Struct, frozen=True, kw_only=True):
    """One month of the calendar of dues. `left` holds what is overdue and charges too, in the current month."""

    month: Month
    due: AmountText
    left: AmountText
    instalments: AmountText
    mirrored: AmountText
    overdue: AmountText
    charges: AmountText
    days: tuple[DayLeft, ...]


class ShareDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a month's purchases, in basis points, and what it was the month before."""

    name: str
    amount: AmountText
    bps: int
    before: AmountText


class SpendingShares(msgspec.Struct, frozen=True, kw_only=True):
    """Purchases on credit of a month, net of refunds: by category, lender's number, and number of instalments."""

    month: Month
    total: AmountText
    before: AmountText
    by_category: tuple[ShareDocument, ...]
    by_lender: tuple[ShareDocument, ...]
    by_plan: tuple[ShareDocument, ...]


class ProductProgress(msgspec.Struct, frozen=True, kw_only=True):
    """A product's part of the bill. `owed` is null for another lender's product, which is `mirrored`."""

    product: Id
    bill: AmountText
    ideal: AmountText | None
    percent: int | None
    owed: AmountText | None
    mirrored: bool


class AssistantOverview(msgspec.Struct, frozen=True, kw_only=True):
    """All that the assistant says. `ideal` is what she set or, where `proposed`, the proposal."""

    currency: str
    today: Day
    ideal: AmountText | None
    proposed: bool
    proposal: IdealProposal | None
    progress: BillProgress
    pressure: RepaymentPressure | None
    calendar: tuple[CalendarMonth, ...]
    later: AmountText
    shares: SpendingShares
    products: tuple[ProductProgress, ...]
    history: tuple[MonthLeft, ...]


class ProductIdeal(msgspec.Struct, frozen=True):
    """The ideal bill of one product."""

    product: Id
    ideal: AmountText


class AssistantSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What she has set."""

    currency: str
    ideal: AmountText | None
    products: tuple[ProductIdeal, ...]
    income: AmountText | None
    reminders: bool
    channels: tuple[Channel, ...]
    email: str | None
    language: Literal["zh", "en"]
    time_zone: str
    quiet_from: TimeOfDay
    quiet_until: TimeOfDay
    changed_at: Annotated[str, Meta(extra_json_schema={"format": "date-time"})] | None


class LimitsPart(msgspec.Struct, frozen=True, kw_only=True):
    """Limits: the most that a month's bills may come to by a purchase on credit, and time to think it over.

    A purchase on credit from `cooling_from` on waits `cooling_hours` from when its order was made, 0 for none.
    """

    stop: AmountText | None
    cooling_hours: int
    cooling_from: AmountText | None


class OwnLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What holds now, and the looser limits that hold from `next_at` on; null where none are to come."""

    currency: str
    now: LimitsPart
    next: LimitsPart | None
    next_at: Annotated[str, Meta(extra_json_schema={"format": "date-time"})] | None


class NewLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits as she wants them. What is stricter holds at once, what is looser a day later."""

    stop: Wanted = "0"
    cooling_hours: Annotated[int, Meta(ge=0, le=168)] = 0
    cooling_from: Wanted = "0"
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}" + END)] = "CNY"


class OfferWord(msgspec.Struct, frozen=True, kw_only=True):
    """What an offer of a quote would make of the bills to come.

    `month` is the heaviest that it falls on, with its `bill` then and that in `percent` of the ideal bill; it adds
    `each` a month until `until`. `stopped` is the first month that it would take above her own stop.
    """

    offer: int
    month: Month
    bill: AmountText
    percent: int | None
    each: AmountText
    until: Month
    stopped: Month | None
    cools_until: Annotated[str, Meta(extra_json_schema={"format": "date-time"})] | None


class QuoteWords(msgspec.Struct, frozen=True, kw_only=True):
    """Words about the offers of a quote that bring something onto a bill."""

    quote_id: Id
    currency: str
    words: tuple[OfferWord, ...]


class ReminderDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A reminder on record: `claimed` was being given when its process died, and is not tried again."""

    occasion: str
    channel: Channel
    status: Literal["claimed", "sent", "failed"]
    subject: str
    body: str
    created_at: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class Reminders(msgspec.Struct, frozen=True):
    """Reminders, oldest first."""

    reminders: tuple[ReminderDocument, ...]


class AssistantExport(msgspec.Struct, frozen=True, kw_only=True):
    """All that the assistant keeps of her."""

    settings: AssistantSettings
    limits: OwnLimits
    reminders: tuple[ReminderDocument, ...]


class NewProductIdeal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An ideal bill for one product of hers."""

    product: Id
    ideal: Wanted


class SettingsChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be set; what is absent stays. Another currency forgets the amounts of the one before."""

    currency: Annotated[str, Meta(pattern="^[A-Z]{3}" + END)] | None = None
    ideal: Wanted | None = None
    product: NewProductIdeal | None = None
    income: Wanted | None = None
    reminders: bool | None = None
    channels: Annotated[tuple[Channel, ...], Meta(max_length=2)] | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None
    language: Literal["zh", "en"] | None = None
    time_zone: Annotated[str, Meta(max_length=64, examples=["Asia/Shanghai"])] | None = None
    quiet_from: TimeOfDay | None = None
    quiet_until: TimeOfDay | None = None


class OverviewQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which month's shares are wanted."""

    month: Annotated[int, Meta(ge=202601, le=999912, description="yyyymm; the current month if absent.")] | None = None


class Erased(msgspec.Struct, frozen=True):
    """How many rows of the assistant's were deleted. Ledger, bills and plans are not its own and stay."""

    rows: int


class QuestionAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question in Chinese or English. The answer is in its language, or in another one that is asked for."""

    question: Annotated[str, Meta(min_length=1, max_length=300, examples=["How much do I owe in March?"])]
    language: Literal["zh", "en"] | None = None


class QuestionProof(msgspec.Struct, frozen=True, kw_only=True):
    """One line that proves an answer. Those that are `counted` sum to the total of their currency."""

    kind: Literal["statement", "entry", "instalment", "payment", "refund", "account", "terms", "mirrored", "card"]
    text: str
    amount: AmountText | None
    currency: str
    on: Day | None
    reference: str
    page: str | None
    counted: bool


class QuestionTotal(msgspec.Struct, frozen=True):
    """The figure of an answer in one currency."""

    currency: str
    amount: AmountText


class QuestionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with its proofs. What is not understood has a `refusal` and neither intent nor figure."""

    understood: bool
    intent: str | None
    refusal: Literal["unknown", "others", "advice"] | None
    text: str
    totals: tuple[QuestionTotal, ...]
    proofs: tuple[QuestionProof, ...]
    notes: tuple[str, ...]
