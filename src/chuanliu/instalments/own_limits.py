"""Limits that a consumer sets for herself: a stop on what a month's bills may hold, and time to think it over.

Making them stricter holds at once; making them looser, or taking them back, holds a day later, so that a weak moment
does not undo what a strong one decided.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Protocol

from chuanliu.clock import DAY, HOUR, Micros, wall_text
from chuanliu.engine import (
    Command,
    Context,
    Instant,
    Keys,
    OldRows,
    Query,
    Reference,
    Row,
    Rows,
    Seen,
    SmallInt,
    Table,
)
from chuanliu.errors import Invalid, NotFound, Refused
from chuanliu.ids import cell_of_party
from chuanliu.instalments.offers import Offer, split_of
from chuanliu.instalments.tables import PLANS_OF_CONSUMER, Plan
from chuanliu.lenders import find_product
from chuanliu.money import CURRENCIES
from chuanliu.parties import CONSUMER

LOOSER_AFTER: Final[Micros] = DAY
COOLING_HOURS_MAX: Final = 168
STOP_MAX_MINOR: Final = 10**11
_BINDS: Final = frozenset({"pending", "active", "completed", "refunded"})


class Restraint(NamedTuple):
    """What holds. `stop_minor` is the most that a month's bills may come to by a purchase on credit, 0 without one.

    A purchase on credit of `cooling_from_minor` or more waits `cooling_hours` from when its order was made, 0 for none.
    """

    stop_minor: int = 0
    cooling_hours: int = 0
    cooling_from_minor: int = 0


class OwnLimit(Row, frozen=True, gc=False):
    """A consumer's limits, in one currency, and the looser ones that hold from `next_at` on."""

    cell: SmallInt
    consumer_id: int
    currency: str
    stop_minor: int
    cooling_hours: SmallInt
    cooling_from_minor: int
    next_stop_minor: int
    next_cooling_hours: SmallInt
    next_cooling_from_minor: int
    next_at: Instant | None
    changed_at: Instant

    def at(self, now: Micros) -> Restraint:
        """What holds at an instant."""
        return self.wanted if self.next_at is not None and self.next_at <= now else self._first

    @property
    def wanted(self) -> Restraint:
        """What holds in the end."""
        if self.next_at is None:
            return self._first
        return Restraint(self.next_stop_minor, self.next_cooling_hours, self.next_cooling_from_minor)

    @property
    def _first(self) -> Restraint:
        return Restraint(self.stop_minor, self.cooling_hours, self.cooling_from_minor)


OWN_LIMIT: Table[OwnLimit] = Table("own_limit", OwnLimit, ("cell", "consumer_id"), rank=26)

NO_RESTRAINT: Final = Restraint()

OLD_LIMITS: Final = OldRows(
    "own_limit",
    ("cell", "consumer_id"),
    "next_stop_minor = 0 AND next_cooling_hours = 0 AND coalesce(next_at, changed_at) < now()"
    " AND (next_at IS NOT NULL OR (stop_minor = 0 AND cooling_hours = 0))",
)
"""Limits that were taken back and hold no longer."""


def stricter(one: Restraint, other: Restraint) -> Restraint:
    """The stricter of two in each part."""
    stops = [stop for stop in (one.stop_minor, other.stop_minor) if stop]
    cooling = [each for each in (one, other) if each.cooling_hours]
    return Restraint(
        min(stops, default=0),
        max((each.cooling_hours for each in cooling), default=0),
        min((each.cooling_from_minor for each in cooling), default=0),
    )


class _Source(Protocol):
    """Rows as a query or a decide has them."""

    def get(self, table: Any, *key: Any) -> Any:
        """The row, or None."""


def restraint_of(source: _Source, consumer_id: int, currency: str, now: Micros) -> Restraint:
    """What a consumer has set for payments in a currency."""
    row = source.get(OWN_LIMIT, cell_of_party(consumer_id), consumer_id)
    return row.at(now) if row is not None and row.currency == currency else NO_RESTRAINT


def lock_own_limit(seen: Seen, keys: Keys, consumer_id: int) -> None:
    """Ask for what `require_own_limit` reads. Payments of one who has a limit wait for each other, of others do not."""
    cell = cell_of_party(consumer_id)
    keys.look(OWN_LIMIT, cell, consumer_id)
    if seen.get(OWN_LIMIT, cell, consumer_id) is None:
        keys.read(OWN_LIMIT, cell, consumer_id)
    else:
        keys.lock(OWN_LIMIT, cell, consumer_id)
        keys.read(PLANS_OF_CONSUMER, cell, consumer_id)


def is_on_credit(reference: Reference, offer: Offer) -> bool:
    """Whether an offer brings something onto a bill."""
    product = find_product(reference, offer.product_id)
    return product is not None and product.kind != "debit_card" and bool(offer.due_on)


def months_of(offer: Offer) -> dict[int, int]:
    """What an offer brings onto each month's bill: yyyymm of the due dates, minor units."""
    principals, fees = split_of(offer)
    found: dict[int, int] = {}
    for day, principal, fee in zip(offer.due_on, principals, fees, strict=True):
        found[day // 100] = found.get(day // 100, 0) + principal + fee
    return found


def bills_ahead(plans: Iterable[Plan], currency: str) -> dict[int, int]:
    """What plans have to pay in each month and have not repaid, payments under way included."""
    found: dict[int, int] = {}
    for plan in plans:
        if plan.status not in _BINDS or plan.currency != currency:
            continue
        for day, principal, fee, repaid in zip(plan.due_on, plan.principals, plan.fees, plan.repaid, strict=True):
            found[day // 100] = found.get(day // 100, 0) + principal + fee - repaid
    return found


def over_stop(restraint: Restraint, ahead: dict[int, int], offer: Offer) -> int | None:
    """The first month that an offer would take over the stop; None where it takes none over."""
    if not restraint.stop_minor:
        return None
    months = months_of(offer)
    return next((m for m in sorted(months) if ahead.get(m, 0) + months[m] > restraint.stop_minor), None)


def cools_until(restraint: Restraint, amount_minor: int, ordered_at: Micros) -> Micros | None:
    """Until when a purchase on credit waits to be thought over; None where it does not."""
    if not restraint.cooling_hours or amount_minor < restraint.cooling_from_minor:
        return None
    return ordered_at + restraint.cooling_hours * HOUR


def require_own_limit(
    rows: Rows, context: Context, offer: Offer, consumer_id: int, ordered_at: Micros, *, agreed: bool
) -> None:
    """Raises `Refused`: own_stop_exceeded for what would take a month over the payer's own stop, cooling_off for what
    she wanted to think over, as long as she has not `agreed` to it once more. Both tell month or time in `details`.
    """
    if not is_on_credit(context.reference, offer):
        return
    restraint = restraint_of(rows, consumer_id, offer.currency, context.now)
    if restraint == NO_RESTRAINT:
        return
    plans = rows.find(PLANS_OF_CONSUMER, cell_of_party(consumer_id), consumer_id)
    month = over_stop(restraint, bills_ahead(plans, offer.currency), offer)
    if month is not None:
        raise Refused(
            "own_stop_exceeded",
            f"the bills of {month // 100}-{month % 100:02d} would be above the stop that the payer has set for herself",
            month=month,
        )
    until = cools_until(restraint, offer.principal_minor, ordered_at)
    if until is not None and until > context.now and not agreed:
        raise Refused(
            "cooling_off",
            f"the payer wanted to think it over until {wall_text(until)}: come back then, or confirm in the cashier",
            until=wall_text(until),
        )


class FindOwnLimit(Query[OwnLimit | None], frozen=True):
    """What a consumer has set; None where she has set nothing."""

    consumer_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.look(OWN_LIMIT, cell_of_party(self.consumer_id), self.consumer_id)

    def answer(self, seen: Seen, context: Context) -> OwnLimit | None:
        return seen.get(OWN_LIMIT, cell_of_party(self.consumer_id), self.consumer_id)


class SetOwnLimit(Command[OwnLimit], frozen=True):
    """Set one's own limits. What is stricter holds at once, what is looser a day later.

    Raises `NotFound(consumer_not_found)`, `Invalid`: invalid_amount, currency_not_supported, invalid_parameter (hours
    above 168, or another currency as long as limits in one hold).
    """

    consumer_id: int
    wanted: Restraint
    currency: str = "CNY"

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_party(self.consumer_id)
        keys.read(CONSUMER, cell, self.consumer_id)
        keys.lock(OWN_LIMIT, cell, self.consumer_id)

    def decide(self, rows: Rows, context: Context) -> OwnLimit:
        cell, now = cell_of_party(self.consumer_id), context.now
        if rows.get(CONSUMER, cell, self.consumer_id) is None:
            raise NotFound("consumer_not_found")
        wanted = self._checked()
        before = rows.get(OWN_LIMIT, cell, self.consumer_id)
        held = NO_RESTRAINT if before is None else before.at(now)
        if before is not None and held != NO_RESTRAINT and before.currency != self.currency:
            raise Invalid("invalid_parameter", f"take the limits in {before.currency} back first", field="currency")
        first = stricter(held, wanted)
        later = None
        if first != wanted:
            # Asking for the same again does not begin the day anew.
            same = before is not None and before.next_at is not None and before.next_at > now
            later = before.next_at if same and before is not None and before.wanted == wanted else now + LOOSER_AFTER
        limit = OwnLimit(cell, self.consumer_id, self.currency, *first, *wanted, later, now)
        if before is None:
            rows.insert(OWN_LIMIT, limit)
        else:
            rows.update(OWN_LIMIT, limit)
        return limit

    def _checked(self) -> Restraint:
        if self.currency not in CURRENCIES:
            raise Invalid("currency_not_supported", field="currency")
        for field, minor in (("stop", self.wanted.stop_minor), ("cooling_from", self.wanted.cooling_from_minor)):
            if not 0 <= minor <= STOP_MAX_MINOR:
                raise Invalid("invalid_amount", field=field)
        if not 0 <= self.wanted.cooling_hours <= COOLING_HOURS_MAX:
            raise Invalid("invalid_parameter", f"cooling_hours is 0 to {COOLING_HOURS_MAX}", field="cooling_hours")
        if not self.wanted.cooling_hours:
            return self.wanted._replace(cooling_from_minor=0)
        return self.wanted
