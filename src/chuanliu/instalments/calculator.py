"""The calculators over decoded JSON objects: members in, checked and exact; a struct out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Final, TypeVar

from chuanliu.errors import Invalid
from chuanliu.instalments.apr import Rates, eu_ccd, irr, us_appendix_j
from chuanliu.instalments.china_calendar import is_closed_in_china
from chuanliu.instalments.due_dates import HolidayRule, due_dates
from chuanliu.instalments.schedule import Schedule, make_schedule
from chuanliu.instalments.split import split_principal
from chuanliu.instalments.terms import Method, Remainder, make_terms
from chuanliu.money import Rounding, currency

FLOWS_MAX: Final = 10_000
AMOUNT_MAX: Final = 10**15
PRINCIPAL_MINOR_MAX: Final = 10**15

_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?\Z", re.ASCII)
_RATIO: Final = re.compile(r"[0-9]{1,9}/[0-9]{1,9}\Z", re.ASCII)
_DATE: Final = re.compile(r"(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)

_Choice = TypeVar("_Choice", bound=Enum)
_Flow = TypeVar("_Flow")

_APR_MEMBERS: Final = {"convention", "advances", "payments", "unit_periods_per_year"}
_SCHEDULE_MEMBERS: Final = {
    "principal_minor", "instalments", "method", "annual_rate_pct", "total_fee_pct", "rounding", "remainder",
    "first_due", "currency", "holiday_rule",
}  # fmt: skip


def calculate_apr(members: Mapping[str, object]) -> Rates:
    """`convention`, `advances`, `payments`, and for `us-appendix-j` also `unit_periods_per_year`.

    Numbers are `int`, `Decimal` or decimal text, never floats. Raises `Invalid` with the member's name.
    """
    _refuse_others(members, _APR_MEMBERS)
    convention = members.get("convention")
    of_year = members.get("unit_periods_per_year")
    if convention == "us-appendix-j":
        if of_year is None:
            raise Invalid("invalid_parameter", "unit_periods_per_year is missing", field="unit_periods_per_year")
        return us_appendix_j(
            _flows(members, "advances", _unit_period_flow),
            _flows(members, "payments", _unit_period_flow),
            _fraction(of_year, "unit_periods_per_year"),
        )
    if of_year is not None:
        raise Invalid("invalid_parameter", "only us-appendix-j has unit-periods", field="unit_periods_per_year")
    if convention == "irr":
        return irr(_flows(members, "advances", _monthly_flow), _flows(members, "payments", _monthly_flow))
    if convention == "eu-ccd":
        return eu_ccd(_flows(members, "advances", _dated_flow), _flows(members, "payments", _dated_flow))
    raise Invalid("invalid_parameter", "convention is irr, us-appendix-j or eu-ccd", field="convention")


def calculate_schedule(members: Mapping[str, object]) -> Schedule:
    """`principal_minor`, `instalments`, `method`, `annual_rate_pct` or `total_fee_pct`, `first_due`; and, with what
    stands for them when they are missing, `rounding` (half-even), `remainder` (last for an annuity, else first),
    `currency` (CNY), `holiday_rule` (none). Raises `Invalid` with the member's name.
    """
    _refuse_others(members, _SCHEDULE_MEMBERS)
    method = _choice(members, "method", Method, None)
    principal_minor = _whole(members.get("principal_minor"), "principal_minor")
    if not 1 <= principal_minor <= PRINCIPAL_MINOR_MAX:
        raise Invalid("invalid_amount", f"principal_minor must be 1 to {PRINCIPAL_MINOR_MAX}", field="principal_minor")
    terms = make_terms(
        _whole(members.get("instalments"), "instalments"),
        method,
        annual_rate_pct=_optional_decimal(members, "annual_rate_pct"),
        total_fee_pct=_optional_decimal(members, "total_fee_pct"),
        rounding=_choice(members, "rounding", Rounding, Rounding.HALF_EVEN),
        remainder=_choice(
            members, "remainder", Remainder, Remainder.LAST if method is Method.ANNUITY else Remainder.FIRST
        ),
    )
    code = members.get("currency", "CNY")
    if not isinstance(code, str):
        raise Invalid("invalid_parameter", "currency is a three-letter code", field="currency")
    currency(code)
    moved = _choice(members, "holiday_rule", HolidayRule, HolidayRule.NONE) is HolidayRule.NEXT_BUSINESS_DAY
    first_due = _date(members.get("first_due"), "first_due")
    due = due_dates(first_due, terms.instalments, is_closed_in_china if moved else None)
    return make_schedule(split_principal(principal_minor, terms), due)


def _refuse_others(members: Mapping[str, object], known: set[str]) -> None:
    for name in members:
        if name not in known:
            raise Invalid("invalid_parameter", f"there is no member {name[:40]}", field=name[:40])


def _flows(members: Mapping[str, object], name: str, read: Callable[[Sequence[object], str], _Flow]) -> list[_Flow]:
    given = members.get(name)
    if not isinstance(given, list) or not 1 <= len(given) <= FLOWS_MAX:
        raise Invalid("invalid_parameter", f"{name} is a list of 1 to {FLOWS_MAX} flows", field=name)
    found = []
    for position, flow in enumerate(given):
        field = f"{name}[{position}]"
        if not isinstance(flow, list):
            raise Invalid("invalid_parameter", "a flow is a list", field=field)
        found.append(read(flow, field))
    return found


def _monthly_flow(flow: Sequence[object], field: str) -> tuple[Fraction, Decimal]:
    if len(flow) != 2:
        raise Invalid("invalid_parameter", "a flow is [month, amount]", field=field)
    return _fraction(flow[0], field), _amount(flow[1], field)


def _unit_period_flow(flow: Sequence[object], field: str) -> tuple[int, Fraction, Decimal]:
    if len(flow) != 3:
        raise Invalid("invalid_parameter", "a flow is [unit_periods, fraction_of_unit_period, amount]", field=field)
    return _whole(flow[0], field), _fraction(flow[1], field), _amount(flow[2], field)


def _dated_flow(flow: Sequence[object], field: str) -> tuple[date, Decimal]:
    if len(flow) != 2:
        raise Invalid("invalid_parameter", "a flow is [date, amount]", field=field)
    return _date(flow[0], field), _amount(flow[1], field)


def _amount(given: object, field: str) -> Decimal:
    amount = _decimal(given, field, "invalid_amount")
    if not 0 <= amount <= AMOUNT_MAX:
        raise Invalid("invalid_amount", f"an amount is 0 to {AMOUNT_MAX}", field=field)
    return amount


def _decimal(given: object, field: str, code: str = "invalid_parameter") -> Decimal:
    """A number or decimal text, exactly. What has no sane size is refused before anything is computed with it."""
    if isinstance(given, Decimal | int) and not isinstance(given, bool):
        number = Decimal(given)
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and exponent >= -18 and number.adjusted() <= 18:
            return number
    elif isinstance(given, str) and _DECIMAL.match(given):
        return Decimal(given)
    raise Invalid(code, "expected a number or decimal text, of at most 18 digits and 18 places", field=field)


def _optional_decimal(members: Mapping[str, object], name: str) -> Decimal | None:
    given = members.get(name)
    return None if given is None else _decimal(given, name)


def _fraction(given: object, field: str) -> Fraction:
    """A decimal number, or text such as `19/30`."""
    if isinstance(given, str) and _RATIO.match(given):
        over, under = map(int, given.split("/"))
        if under:
            return Fraction(over, under)
    return Fraction(_decimal(given, field))


def _whole(given: object, field: str) -> int:
    if isinstance(given, Decimal | int) and not isinstance(given, bool):
        number = _decimal(given, field)
        if number == number.to_integral_value():
            return int(number)
    raise Invalid("invalid_parameter", "expected a whole number", field=field)


def _date(given: object, field: str) -> date:
    if isinstance(given, str) and _DATE.match(given):
        try:
            return date.fromisoformat(given)
        except ValueError:
            pass
    raise Invalid("invalid_parameter", "expected a date yyyy-mm-dd of the years 1900 to 2199", field=field)


def _choice(members: Mapping[str, object], name: str, choices: type[_Choice], otherwise: _Choice | None) -> _Choice:
    given = members.get(name)
    if given is None and otherwise is not None:
        return otherwise
    for choice in choices:
        if choice.value == given:
            return choice
    known = ", ".join(str(choice.value) for choice in choices)
    raise Invalid("invalid_parameter", f"{name} is one of {known}", field=name)
