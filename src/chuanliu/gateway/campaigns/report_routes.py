"""A report on campaigns: what they brought in a period, and growth against a past one."""

from __future__ import annotations

import time
from datetime import date
from typing import Any, Final

import msgspec

from chuanliu.clock import business_date
from chuanliu.errors import Invalid
from chuanliu.gateway.campaigns.report_store import Period, ReportLine, Total, growth_bps, lines_of, total_of
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.fields import amount
from chuanliu.gateway.native.reading_store import reading
from chuanliu.money import currency
from chuanliu.promotions import CampaignView

Document = dict[str, Any]
DAYS_MAX: Final = 366
_DAYS_DEFAULT: Final = 7
_YEAR_MIN: Final = 2000


class ReportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Business days in Asia/Shanghai, both included; without dates the last seven, compared with as many before.

    `campaign` is an id or a code.
    """

    first: date | None = None
    last: date | None = None
    past_first: date | None = None
    past_last: date | None = None
    campaign: str | None = None
    currency: str = "CNY"


async def report(
    services: Services,
    query: ReportQuery,
    owner_id: int,
    view: CampaignView | None = None,
    *,
    lender_id: int | None = None,
) -> Document:
    """What an owner's campaigns, or one of them, brought to all lenders or to one. Raises `Invalid`."""
    code = query.currency if view is None else view.campaign.currency
    currency(code)
    period = _period(query.first, query.last, "first")
    past = period.before()
    if query.past_first is not None or query.past_last is not None:
        past = _period(query.past_first, query.past_last, "past_first")
    campaign_id = None if view is None else view.campaign_id
    async with reading(services) as connection:
        lines, former = [
            await lines_of(connection, owner_id, each, code, campaign_id=campaign_id, lender_id=lender_id)
            for each in (period, past)
        ]
    total, before = total_of(lines), total_of(former)
    document = {
        **_period_document(period),
        "total": _total_document(total, code),
        "past": {**_period_document(past), "total": _total_document(before, code)},
        "growth_bps": {
            "orders": growth_bps(total.orders, before.orders),
            "amount": growth_bps(total.amount_minor, before.amount_minor),
        },
        "lines": [_line_document(line, code) for line in lines],
    }
    plain: Document = msgspec.to_builtins(document)
    return plain


def _period(first: date | None, last: date | None, field: str) -> Period:
    end = last or business_date(time.time_ns() // 1000)
    start = first or date.fromordinal(max(end.toordinal() - _DAYS_DEFAULT + 1, 1))
    if not 0 <= (end - start).days < DAYS_MAX or start.year < _YEAR_MIN:
        raise Invalid("invalid_parameter", f"a report covers 1 to {DAYS_MAX} days from {_YEAR_MIN} on", field=field)
    return Period(start, end)


def _period_document(period: Period) -> Document:
    return {"first": period.first.isoformat(), "last": period.last.isoformat()}


def _total_document(total: Total, code: str) -> Document:
    return {
        "orders": total.orders,
        "amount": amount(total.amount_minor, code),
        "refunded": amount(total.refunded_minor, code),
        "subsidy_paid": amount(total.paid_minor, code),
        "subsidy_waived": amount(total.waived_minor, code),
        "subsidy_of_others": amount(total.others_minor, code),
    }


def _line_document(line: ReportLine, code: str) -> Document:
    total = Total(*line[2:])
    return {"day": line.day.isoformat(), "seller_id": str(line.merchant_id), **_total_document(total, code)}
