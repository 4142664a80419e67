"""Terms of repayment: how many instalments, what they cost, how fractions of a minor unit are dropped."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Final

import msgspec

from chuanliu.errors import Invalid
from chuanliu.money import Rounding

INSTALMENTS_MAX: Final = 360
PERCENT_MAX: Final = 1_000
PERCENT_PLACES_MAX: Final = 10


class Method(Enum):
    """What a plan costs.

    ANNUITY: equal payments, interest on the outstanding principal per month. FLAT: one fee on the whole principal, in
    equal parts. NONE: nothing.
    """

    ANNUITY = "annuity"
    FLAT = "flat"
    NONE = "none"


class Remainder(Enum):
    """Which instalment takes what equal parts leave over."""

    FIRST = "first"
    LAST = "last"


class Terms(msgspec.Struct, frozen=True, gc=False):
    """Checked terms. `cost` is an exact ratio, numerator and denominator: the interest of one month for an annuity, the
    whole fee over the principal for a flat fee, 0 for none.
    """

    instalments: int
    method: Method
    cost: tuple[int, int]
    rounding: Rounding
    remainder: Remainder


def make_terms(
    instalments: int,
    method: Method,
    *,
    annual_rate_pct: Decimal | None = None,
    total_fee_pct: Decimal | None = None,
    rounding: Rounding = Rounding.HALF_EVEN,
    remainder: Remainder = Remainder.FIRST,
) -> Terms:
    """Check terms of 1 to 360 instalments.

    An annuity takes `annual_rate_pct`. A flat fee takes `total_fee_pct` of the principal, or `annual_rate_pct`, which
    is a fee of `rate × instalments / 12` on the whole principal. No cost takes neither; a zero counts as none given.
    Raises `Invalid(invalid_parameter)` naming the field.
    """
    if not 1 <= instalments <= INSTALMENTS_MAX:
        raise Invalid("invalid_parameter", f"instalments must be 1 to {INSTALMENTS_MAX}", field="instalments")
    yearly = _ratio_of(annual_rate_pct, "annual_rate_pct")
    total = _ratio_of(total_fee_pct, "total_fee_pct")
    match method:
        case Method.NONE if yearly:
            raise Invalid("invalid_parameter", "method none has no rate", field="annual_rate_pct")
        case Method.NONE | Method.ANNUITY if total:
            raise Invalid("invalid_parameter", f"method {method.value} has no total fee", field="total_fee_pct")
        case Method.ANNUITY if yearly is None:
            raise Invalid("invalid_parameter", "an annuity needs annual_rate_pct", field="annual_rate_pct")
        case Method.FLAT if yearly and total:
            raise Invalid("invalid_parameter", "give annual_rate_pct or total_fee_pct", field="annual_rate_pct")
        case Method.FLAT if yearly is None and total is None:
            raise Invalid("invalid_parameter", "a flat fee needs total_fee_pct", field="total_fee_pct")
    monthly = (yearly or Fraction()) / 12
    cost = monthly if method is Method.ANNUITY else (total or monthly * instalments)
    return Terms(instalments, method, (cost.numerator, cost.denominator), rounding, remainder)


def _ratio_of(percent: Decimal | None, field: str) -> Fraction | None:
    if percent is None:
        return None
    if not percent.is_finite() or not 0 <= percent <= PERCENT_MAX:
        raise Invalid("invalid_parameter", f"{field} must be 0 to {PERCENT_MAX}", field=field)
    exponent = percent.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -PERCENT_PLACES_MAX:
        raise Invalid("invalid_parameter", f"{field} may have {PERCENT_PLACES_MAX} decimal places", field=field)
    return Fraction(percent) / 100
