"""What an owner's campaigns brought: orders, amounts and subsidies by day and merchant, from the plans."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final, NamedTuple

import psycopg

# Of a plan, only shares of the sponsors of the campaigns asked for count, so that stacked campaigns are told apart.
_LINES: Final = """
    WITH asked AS (
        SELECT campaign_id FROM campaign
        WHERE owner_id = %(owner_id)s AND (%(campaign_id)s::bigint IS NULL OR campaign_id = %(campaign_id)s)
    ), brought AS (
        SELECT p.cell, p.plan_id, p.merchant_id, p.principal_minor, p.refunded_minor,
            (p.created_at AT TIME ZONE 'Asia/Shanghai')::date AS day, p.sponsors, p.subsidies, p.returned, p.waived
        FROM plan p
        WHERE p.currency = %(currency)s AND p.status IN ('active', 'completed', 'refunded')
            AND p.created_at >= (%(first)s::date::timestamp AT TIME ZONE 'Asia/Shanghai')
            AND p.created_at < (%(last)s::date::timestamp + interval '1 day') AT TIME ZONE 'Asia/Shanghai'
            AND (%(lender_id)s::bigint IS NULL OR p.lender_id = %(lender_id)s)
            AND p.campaign_ids && ARRAY(SELECT campaign_id FROM asked)
    ), borne AS (
        SELECT b.cell, b.plan_id,
            sum(u.subsidy - u.back) FILTER (WHERE u.waived = 0 AND s.party_id = %(owner_id)s) AS paid_minor,
            sum(u.subsidy - u.back) FILTER (WHERE u.waived = 1 AND s.party_id = %(owner_id)s) AS waived_minor,
            sum(u.subsidy - u.back) FILTER (WHERE s.party_id IS DISTINCT FROM %(owner_id)s) AS others_minor
        FROM brought b
        CROSS JOIN LATERAL unnest(b.sponsors, b.subsidies, b.returned, b.waived)
            AS u (sponsor_id, subsidy, back, waived)
        JOIN sponsor s ON s.sponsor_id = u.sponsor_id AND s.campaign_id IN (SELECT campaign_id FROM asked)
        GROUP BY b.cell, b.plan_id
    )
    SELECT b.day, b.merchant_id, count(*)::bigint, sum(b.principal_minor)::bigint, sum(b.refunded_minor)::bigint,
        coalesce(sum(o.paid_minor), 0)::bigint, coalesce(sum(o.waived_minor), 0)::bigint,
        coalesce(sum(o.others_minor), 0)::bigint
    FROM brought b LEFT JOIN borne o ON o.cell = b.cell AND o.plan_id = b.plan_id
    GROUP BY b.day, b.merchant_id ORDER BY b.day, b.merchant_id
"""


class ReportLine(NamedTuple):
    """A business day (Asia/Shanghai) at a merchant. Subsidies are what was not given back on refunds.

    `paid_minor` is the owner's own money, `waived_minor` its own fee that it forwent, `others_minor` other sponsors'.
    """

    day: date
    merchant_id: int
    orders: int
    amount_minor: int
    refunded_minor: int
    paid_minor: int
    waived_minor: int
    others_minor: int


class Total(NamedTuple):
    """The sums of a period."""

    orders: int
    amount_minor: int
    refunded_minor: int
    paid_minor: int
    waived_minor: int
    others_minor: int


class Period(NamedTuple):
    """Business days, both included."""

    first: date
    last: date

    def before(self) -> Period:
        """As many days, right before."""
        days = self.last - self.first + timedelta(days=1)
        return Period(self.first - days, self.last - days)


async def lines_of(
    connection: psycopg.AsyncConnection[Any],
    owner_id: int,
    period: Period,
    currency: str,
    *,
    campaign_id: int | None = None,
    lender_id: int | None = None,
) -> list[ReportLine]:
    """What an owner's campaigns, or one of them, brought in a period: to all lenders, or to one."""
    values = {
        "lender_id": lender_id,
        "owner_id": owner_id,
        "campaign_id": campaign_id,
        "currency": currency,
        "first": period.first,
        "last": period.last,
    }
    return [ReportLine(*row) for row in await (await connection.execute(_LINES, values)).fetchall()]


def total_of(lines: list[ReportLine]) -> Total:
    """The sums of lines."""
    return Total(
        sum(line.orders for line in lines),
        sum(line.amount_minor for line in lines),
        sum(line.refunded_minor for line in lines),
        sum(line.paid_minor for line in lines),
        sum(line.waived_minor for line in lines),
        sum(line.others_minor for line in lines),
    )


def growth_bps(now: int, past: int) -> int | None:
    """Growth against a past figure in basis points, rounded down; None where there was nothing."""
    return None if past == 0 else (now - past) * 10_000 // past
