"""Setting what the assistant goes by: ideal bills, income, reminders and how they come."""

from __future__ import annotations

import re
from typing import Final
from zoneinfo import ZoneInfo

from chuanliu.assistant.tables import ASSISTANT_PROFILE, CHANNELS, EMAIL, AssistantProfile, new_profile
from chuanliu.engine import Command, Context, Keys, Query, Reference, Rows, Seen
from chuanliu.errors import Invalid, NotFound
from chuanliu.ids import cell_of_party
from chuanliu.lenders import INSTRUMENTS_OF_CONSUMER, find_product
from chuanliu.money import CURRENCIES
from chuanliu.parties import CONSUMER

AMOUNT_MAX_MINOR: Final = 10**11
MINUTES_OF_DAY: Final = 24 * 60
PRODUCTS_MAX: Final = 64

_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}")


class FindProfile(Query[AssistantProfile], frozen=True):
    """What a consumer has set; the defaults, changed at 0, where she has set nothing."""

    consumer_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.look(ASSISTANT_PROFILE, cell_of_party(self.consumer_id), self.consumer_id)

    def answer(self, seen: Seen, context: Context) -> AssistantProfile:
        cell = cell_of_party(self.consumer_id)
        found = seen.get(ASSISTANT_PROFILE, cell, self.consumer_id)
        return new_profile(cell, self.consumer_id, 0) if found is None else found


class ChangeProfile(Command[AssistantProfile], frozen=True):
    """Set some of it; None leaves what there is, 0 and an empty text take it back.

    `ideal_minor` is the ideal bill overall; with `product_id` it is that product's. Another `currency` forgets the
    amounts that were set in the one before. Raises `NotFound`: consumer_not_found, product_not_found (she has nothing
    of it), `Invalid`: invalid_amount, currency_not_supported, invalid_parameter.
    """

    consumer_id: int
    currency: str | None = None
    ideal_minor: int | None = None
    product_id: int | None = None
    income_minor: int | None = None
    reminders: bool | None = None
    channels: tuple[str, ...] | None = None
    email: str | None = None
    language: str | None = None
    time_zone: str | None = None
    quiet_from: int | None = None
    quiet_until: int | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_party(self.consumer_id)
        keys.read(CONSUMER, cell, self.consumer_id)
        keys.lock(ASSISTANT_PROFILE, cell, self.consumer_id)
        if self.product_id is not None:
            keys.look(INSTRUMENTS_OF_CONSUMER, cell, self.consumer_id)
            keys.read(INSTRUMENTS_OF_CONSUMER, cell, self.consumer_id)

    def decide(self, rows: Rows, context: Context) -> AssistantProfile:
        cell = cell_of_party(self.consumer_id)
        if rows.get(CONSUMER, cell, self.consumer_id) is None:
            raise NotFound("consumer_not_found")
        before = rows.get(ASSISTANT_PROFILE, cell, self.consumer_id)
        profile = before or new_profile(cell, self.consumer_id, context.now)
        profile = self._with_money(rows, context, profile)
        profile = self._with_reminders(profile).changed(changed_at=context.now)
        if before is None:
            rows.insert(ASSISTANT_PROFILE, profile)
        else:
            rows.update(ASSISTANT_PROFILE, profile)
        return profile

    def _with_money(self, rows: Rows, context: Context, profile: AssistantProfile) -> AssistantProfile:
        if self.currency is not None and self.currency != profile.currency:
            if self.currency not in CURRENCIES:
                raise Invalid("currency_not_supported", field="currency")
            profile = profile.changed(
                currency=self.currency, ideal_minor=0, product_ids=(), product_ideals=(), income_minor=0
            )
        if self.income_minor is not None:
            profile = profile.changed(income_minor=_amount(self.income_minor, "income"))
        if self.ideal_minor is None:
            return profile
        ideal = _amount(self.ideal_minor, "ideal")
        if self.product_id is None:
            return profile.changed(ideal_minor=ideal)
        self._require_product(rows, context.reference, profile.currency)
        ideals = dict(zip(profile.product_ids, profile.product_ideals, strict=True))
        ideals[self.product_id] = ideal
        kept = sorted((number, amount) for number, amount in ideals.items() if amount)
        if len(kept) > PRODUCTS_MAX:
            raise Invalid("invalid_parameter", f"at most {PRODUCTS_MAX} products", field="product")
        return profile.changed(
            product_ids=tuple(number for number, _ in kept), product_ideals=tuple(amount for _, amount in kept)
        )

    def _require_product(self, rows: Rows, reference: Reference, currency: str) -> None:
        cell = cell_of_party(self.consumer_id)
        mine = {each.product_id for each in rows.find(INSTRUMENTS_OF_CONSUMER, cell, self.consumer_id)}
        product = find_product(reference, self.product_id or 0)
        if product is None or self.product_id not in mine or product.currency != currency:
            raise NotFound("product_not_found")

    def _with_reminders(self, profile: AssistantProfile) -> AssistantProfile:
        if self.reminders is not None:
            profile = profile.changed(reminders=self.reminders)
        if self.language is not None:
            if self.language not in ("zh", "en"):
                raise Invalid("invalid_parameter", "language must be zh or en", field="language")
            profile = profile.changed(language=self.language)
        if self.email is not None:
            if self.email and (len(self.email) > 254 or _EMAIL.fullmatch(self.email) is None):
                raise Invalid("invalid_parameter", "email is no address", field="email")
            profile = profile.changed(email=self.email)
        if self.channels is not None:
            unknown = [each for each in self.channels if each not in CHANNELS]
            if unknown:
                raise Invalid("invalid_parameter", f"channels are {', '.join(CHANNELS)}", field="channels")
            profile = profile.changed(channels=",".join(each for each in CHANNELS if each in self.channels))
        if EMAIL in profile.channels.split(",") and not profile.email:
            raise Invalid("invalid_parameter", "give an address first", field="email")
        return self._with_quiet_hours(profile)

    def _with_quiet_hours(self, profile: AssistantProfile) -> AssistantProfile:
        if self.time_zone is not None:
            zone_named(self.time_zone)
            profile = profile.changed(time_zone=self.time_zone)
        for name, minute in (("quiet_from", self.quiet_from), ("quiet_until", self.quiet_until)):
            if minute is not None:
                if not 0 <= minute < MINUTES_OF_DAY:
                    raise Invalid("invalid_parameter", f"{name} must be a time of day", field=name)
                profile = profile.changed(**{name: minute})
        return profile


def zone_named(name: str) -> ZoneInfo:
    """A time zone of the IANA data. Raises `Invalid(invalid_parameter)`."""
    try:
        if _ZONE.fullmatch(name) is None:
            raise ValueError(name)
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise Invalid("invalid_parameter", "time_zone is no IANA zone", field="time_zone") from None


def _amount(minor: int, field: str) -> int:
    if not 0 <= minor <= AMOUNT_MAX_MINOR:
        raise Invalid("invalid_amount", field=field)
    return minor
