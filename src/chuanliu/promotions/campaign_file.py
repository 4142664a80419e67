"""Campaigns as files: one campaign with its sponsors, read into a specification or into everything wrong with it.

The JSON of the APIs has the same shape. `docs/campaigns.md` explains each member.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Literal, cast

import msgspec

from chuanliu.clock import Micros, from_datetime, parse_wall
from chuanliu.engine import Reference
from chuanliu.errors import Invalid, NotFound
from chuanliu.ids import cell_of_party, is_party_number, is_shadow
from chuanliu.ledger import PLATFORM
from chuanliu.lenders import (
    Flaw,
    Marked,
    Members,
    Problem,
    Unreadable,
    find_lender,
    product_by_code,
    read_json,
    read_yaml,
)
from chuanliu.promotions.campaigns import ChangeCampaign, CreateCampaign, NewSponsor, SponsorChange
from chuanliu.promotions.terms import WARN_AT_DEFAULT_BPS, CampaignTerms

FILE_LENGTH_MAX: Final = 1024 * 1024
_PRIORITY_DEFAULT: Final = 100
_STACKING: Final = ("exclusive", "stackable")
_AS_AN_INSTANT: Final = "must be as 2026-11-01 00:00 (Asia/Shanghai) or 2026-11-01T00:00:00+08:00"
_SPONSOR_KINDS: Final = ("merchant", "bank", "platform", "brand")
_ID: Final = re.compile(r"[0-9]{1,19}", re.ASCII)


class SponsorSpec(msgspec.Struct, frozen=True):
    """A sponsor as it is written: `party` is a lender's code or a party's number; `sponsor_id` that of a known one."""

    kind: str
    share_bps: int
    budget_minor: int
    cap_minor: int | None
    name: str
    party: str | None
    sponsor_id: str | None


class TermsSpec(msgspec.Struct, frozen=True):
    """Terms as they are written: lenders and products by code, or by number."""

    lenders: tuple[str, ...]
    products: tuple[str, ...]
    terms: CampaignTerms


class CampaignSpec(msgspec.Struct, frozen=True):
    """A campaign as it is written; in a change, what is None stays."""

    code: str | None
    name: str | None
    name_zh: str | None
    owner: str | None
    currency: str
    starts_at: Micros | None
    ends_at: Micros | None
    sponsors: tuple[SponsorSpec, ...] | None
    terms: TermsSpec | None


class CampaignFile:
    """What was read: `spec`, or the `problems` for which there is none. `marked` tells where things are."""

    def __init__(self, spec: CampaignSpec | None, problems: list[Problem], marked: Marked | None = None) -> None:
        self.spec = spec
        self.problems = problems
        self.marked = marked

    def problem_of(self, error: Invalid) -> Problem:
        """What a command found wrong, at its place in the file."""
        if self.marked is None or not error.field:
            return Problem(None, None, error.field or "", error.message)
        return self.marked.problem(error.field, error.message)


def read_campaign_file(
    text: str, *, as_json: bool = False, changing: bool = False, currency: str = "CNY"
) -> CampaignFile:
    """Read a campaign's YAML, or the JSON of the same shape. Raises nothing: whatever is wrong is a problem.

    `changing`: every member may be absent, and amounts are in `currency`.
    """
    if len(text) > FILE_LENGTH_MAX:
        return CampaignFile(None, [Problem(None, None, "", f"longer than {FILE_LENGTH_MAX} characters")])
    try:
        marked = read_json(text) if as_json else read_yaml(text)
    except Unreadable as error:
        return CampaignFile(None, [error.problem])
    flaws: list[Flaw] = []
    spec = _read_campaign(Members(marked.value, "", flaws), flaws, currency, changing=changing)
    if flaws:
        return CampaignFile(None, marked.problems(flaws), marked)
    return CampaignFile(spec, [], marked)


def _read_campaign(members: Members, flaws: list[Flaw], currency: str, *, changing: bool) -> CampaignSpec:
    text: Callable[[str], str | None] = members.optional_text if changing else members.text
    code = None if changing else members.text("code")
    owner = None if changing else members.optional_text("owner")
    currency = currency if changing else members.text("currency", currency)
    name, name_zh = text("name"), members.optional_text("name_zh")
    starts_at, ends_at = _instant("starts_at", text("starts_at"), flaws), _instant("ends_at", text("ends_at"), flaws)
    given = list(members.each("sponsors", required=not changing))
    sponsors = tuple(_read_sponsor(Members(value, path, flaws), currency, changing=changing) for path, value in given)
    terms = members.mapping("terms")
    read = None if terms is None else _read_terms(terms, currency, flaws)
    members.end()
    if not given and changing:
        return CampaignSpec(code, name, name_zh, owner, currency, starts_at, ends_at, None, read)
    return CampaignSpec(code, name, name_zh, owner, currency, starts_at, ends_at, sponsors, read)


def _read_sponsor(members: Members, currency: str, *, changing: bool) -> SponsorSpec:
    cap = None if members.optional_text("cap") is None else members.amount("cap", currency)
    if changing:
        spec = SponsorSpec("", members.whole("share_bps"), 0, cap, "", None, members.text("sponsor_id"))
    else:
        spec = SponsorSpec(
            members.choice("kind", _SPONSOR_KINDS),
            members.whole("share_bps"),
            members.amount("budget", currency),
            cap,
            members.text("name", ""),
            members.optional_text("party"),
            None,
        )
    members.end()
    return spec


def _read_terms(members: Members, currency: str, flaws: list[Flaw]) -> TermsSpec:
    def texts(name: str) -> tuple[str, ...]:
        found = []
        for path, value in members.each(name, required=False):
            if isinstance(value, str):
                found.append(value)
            else:
                flaws.append(Flaw(path, "must be text"))
        return tuple(found)

    def numbers(name: str, what: Callable[[str], bool], sentence: str) -> frozenset[int]:
        found = set()
        for place, value in enumerate(texts(name)):
            if what(value):
                found.add(int(value))
            else:
                flaws.append(Flaw(f"terms.{name}[{place}]", sentence))
        return frozenset(found)

    party = "must be a number of 16 digits that begins 2088"
    most = None if members.optional_text("amount_max") is None else members.amount("amount_max", currency)
    terms = CampaignTerms(
        product_kinds=frozenset(texts("product_kinds")),
        merchants=numbers("merchants", is_party_number, party),
        stores=frozenset(texts("stores")),
        categories=texts("categories"),
        instalments=numbers("instalments", lambda text: text.isascii() and text.isdigit(), "must be a number"),
        amount_min_minor=members.amount("amount_min", currency, "0"),
        amount_max_minor=most,
        consumers=numbers("consumers", is_party_number, party),
        first_use_only=members.truth("first_use_only", False),
        per_consumer_uses=members.optional_whole("per_consumer_uses"),
        per_consumer_day_uses=members.optional_whole("per_consumer_day_uses"),
        per_day_uses=members.optional_whole("per_day_uses"),
        stacking=cast('Literal["exclusive", "stackable"]', members.choice("stacking", _STACKING, "exclusive")),
        stack_group=members.text("stack_group", ""),
        priority=_or(members.optional_whole("priority"), _PRIORITY_DEFAULT),
        warn_at_bps=_or(members.optional_whole("warn_at_bps"), WARN_AT_DEFAULT_BPS),
    )
    spec = TermsSpec(texts("lenders"), texts("products"), terms)
    members.end()
    return spec


def _or(given: int | None, default: int) -> int:
    return default if given is None else given


def _instant(name: str, text: str | None, flaws: list[Flaw]) -> Micros | None:
    """An instant in Asia/Shanghai (`2026-11-01 00:00`), or with its own offset (`2026-11-01T00:00:00+08:00`)."""
    if not text:
        return None
    try:
        return read_instant(text, name)
    except Invalid:
        flaws.append(Flaw(name, _AS_AN_INSTANT))
        return None


def read_instant(text: str, field: str) -> Micros:
    """An instant as campaigns' files have it. Raises `Invalid(invalid_parameter)`."""
    try:
        return from_datetime(datetime.fromisoformat(text)) if "T" in text else parse_wall(text, field=field)
    except (ValueError, Invalid):
        raise Invalid("invalid_parameter", f"{field} {_AS_AN_INSTANT}", field=field) from None


def new_campaign(
    reference: Reference, spec: CampaignSpec, owner_id: int | None, *, agreed: bool = False
) -> CreateCampaign:
    """The command that makes a campaign of a specification. Without an owner it is the one that the file names, or the
    platform.

    Raises `Invalid(invalid_parameter)` naming the place for a code or number of nobody.
    """
    if owner_id is None:
        owner_id = PLATFORM if spec.owner in (None, "platform") else party_of(reference, spec.owner or "", "owner")
    elif spec.owner is not None and party_of(reference, spec.owner, "owner") != owner_id:
        raise Invalid("invalid_parameter", "owner is another than the key's", field="owner")
    shadow = is_shadow(cell_of_party(owner_id))
    sponsors = tuple(
        NewSponsor(
            each.kind,
            each.share_bps,
            each.budget_minor,
            each.name,
            None if each.party is None else party_of(reference, each.party, f"sponsors[{place}].party", shadow=shadow),
            each.cap_minor,
        )
        for place, each in enumerate(spec.sponsors or ())
    )
    return CreateCampaign(
        owner_id,
        spec.code or "",
        spec.name or "",
        spec.starts_at or 0,
        spec.ends_at or 0,
        sponsors,
        CampaignTerms() if spec.terms is None else terms_from(reference, spec.terms, shadow=shadow),
        spec.name_zh or "",
        spec.currency,
        agreed,
    )


def changed_campaign(
    reference: Reference, spec: CampaignSpec, campaign_id: int, owner_id: int | None
) -> ChangeCampaign:
    """The command that changes a campaign as a specification says. Raises as `new_campaign` does."""
    sponsors = None
    if spec.sponsors is not None:
        sponsors = tuple(
            SponsorChange(
                _number(each.sponsor_id or "", f"sponsors[{place}].sponsor_id"), each.share_bps, each.cap_minor
            )
            for place, each in enumerate(spec.sponsors)
        )
    terms = None if spec.terms is None else terms_from(reference, spec.terms)
    return ChangeCampaign(campaign_id, owner_id, spec.name, spec.name_zh, spec.starts_at, spec.ends_at, terms, sponsors)


def terms_from(reference: Reference, spec: TermsSpec, *, shadow: bool = False) -> CampaignTerms:
    """Terms with numbers in place of codes. Raises `Invalid(invalid_parameter)` naming the place."""

    def product_of(text: str, field: str) -> int:
        if _ID.fullmatch(text):
            return _number(text, field)
        try:
            return product_by_code(reference, text, shadow=shadow).product_id
        except NotFound:
            raise _nobody(field, text, "product") from None

    return msgspec.structs.replace(
        spec.terms,
        lenders=_each("terms.lenders", spec.lenders, lambda text, at: party_of(reference, text, at, shadow=shadow)),
        products=_each("terms.products", spec.products, product_of),
    )


def _each(name: str, texts: Sequence[str], number_of: Callable[[str, str], int]) -> frozenset[int]:
    return frozenset(number_of(text, f"{name}[{place}]") for place, text in enumerate(texts))


def party_of(reference: Reference, text: str, field: str, *, shadow: bool = False) -> int:
    """A party by its number, or a lender by its code. Raises `Invalid(invalid_parameter)`."""
    if is_party_number(text):
        return int(text)
    try:
        return find_lender(reference, text, shadow=shadow).lender_id
    except NotFound:
        raise _nobody(field, text, "lender") from None


def _number(text: str, field: str) -> int:
    if _ID.fullmatch(text) is None or int(text) >= 2**63:
        raise Invalid("invalid_parameter", f"{field} must be a number", field=field)
    return int(text)


def _nobody(field: str, text: str, what: str) -> Invalid:
    return Invalid("invalid_parameter", f"there is no {what} {text}", field=field)
