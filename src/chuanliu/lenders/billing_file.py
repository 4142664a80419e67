"""The member `billing` of a product in a lender's file: how it bills, and back."""

from __future__ import annotations

import re
from typing import Any, Final, cast

from chuanliu.lenders.billing_terms import WATERFALL, BillingTerms, Claim, DunningStep
from chuanliu.lenders.marked_values import Value
from chuanliu.lenders.members import Members
from chuanliu.lenders.terms import Flaw
from chuanliu.money import format_amount

_DAYS: Final = re.compile(r"-?[0-9]{1,3}", re.ASCII)


def read_billing(members: Members | None, currency: str, flaws: list[Flaw]) -> BillingTerms:
    """The terms in a mapping; the usual ones without it. What is wrong is noted."""
    usual = BillingTerms()
    if members is None:
        return usual
    order = tuple(_text(value) for _, value in members.each("waterfall", required=False)) or WATERFALL
    billing = BillingTerms(
        members.text("minimum_pct", usual.minimum_pct),
        members.amount("minimum_floor", currency, "0"),
        _grace(members, usual.grace_days),
        members.amount("late_fee", currency, "0"),
        members.text("penalty_daily_pct", usual.penalty_daily_pct),
        cast("tuple[Claim, ...]", order),
        tuple(_read_step(value, at, flaws) for at, value in members.each("dunning", required=False)),
    )
    members.end()
    return billing


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _grace(members: Members, usual: int) -> int:
    given = members.optional_whole("grace_days")
    return usual if given is None else given


def _read_step(value: Value, path: str, flaws: list[Flaw]) -> DunningStep:
    members = Members(value, path, flaws)
    days, template = members.text("days"), members.text("template")
    members.end()
    if days and _DAYS.fullmatch(days) is None:
        flaws.append(Flaw(f"{path}.days", "must be a whole number of days behind the due date"))
        days = "0"
    return DunningStep(int(days or 0), template)


def billing_document(billing: BillingTerms, currency: str) -> dict[str, Any] | None:
    """The mapping that is read back as these terms; None for the usual ones."""
    if billing == BillingTerms():
        return None
    document: dict[str, Any] = {
        "minimum_pct": billing.minimum_pct,
        "minimum_floor": format_amount(billing.minimum_floor_minor, currency),
        "grace_days": billing.grace_days,
        "late_fee": format_amount(billing.late_fee_minor, currency),
        "penalty_daily_pct": billing.penalty_daily_pct,
        "waterfall": list(billing.waterfall),
    }
    if billing.dunning:
        document["dunning"] = [{"days": step.days, "template": step.template} for step in billing.dunning]
    return document
