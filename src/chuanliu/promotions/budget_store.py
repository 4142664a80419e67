"""What is left of budgets, read beside the engine; counters of days that nobody asks for any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import psycopg

from chuanliu.clock import DAY, business_date
from chuanliu.engine import OldRows
from chuanliu.promotions.reserving import day_number
from chuanliu.promotions.targeting import business_day

_LEFT: Final = """
    SELECT asked.budget_id, coalesce(sum(available_minor), 0)::bigint
    FROM unnest(%s::smallint[], %s::bigint[]) AS asked (cell, budget_id)
    JOIN escrow_stripe e ON e.cell = asked.cell AND e.budget_id = asked.budget_id
    GROUP BY 1
"""
_KEPT: Final = 40 * DAY
OLD_USES: Final = (
    OldRows(
        "escrow_stripe",
        ("cell", "budget_id", "stripe"),
        "budget_id < 0 AND (-budget_id & 65535) < %(before)s",
        lambda now: {"before": day_number(business_date(now - _KEPT))},
    ),
    OldRows(
        "campaign_use",
        ("cell", "campaign_id", "consumer_id", "day"),
        "day > 0 AND day < %(before)s",
        lambda now: {"before": business_day(now - _KEPT)},
    ),
)
"""Uses by business day over 40 days old."""


async def budgets_left(connection: psycopg.AsyncConnection[Any], budgets: Iterable[tuple[int, int]]) -> dict[int, int]:
    """What the stripes of each budget (cell, number) sum to; budgets that were never opened are left out."""
    asked: Sequence[tuple[int, int]] = sorted(budgets)
    if not asked:
        return {}
    values = [[cell for cell, _ in asked], [number for _, number in asked]]
    return dict(await (await connection.execute(_LEFT, values)).fetchall())
