"""Metered rows in PostgreSQL: seconds, rolled up to minutes, those to hours, and those swept in the end.

Rows move (`DELETE … RETURNING`), so each request is counted at exactly one grain, whoever writes late.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg

from chuanliu.clock import Micros, to_datetime
from chuanliu.metering.classes import UNKNOWN_TENANT, TrafficClass
from chuanliu.metering.meter import MeteredRow

Connection = psycopg.AsyncConnection[Any]

SECONDS_KEPT_S: Final = 15 * 60
MINUTES_KEPT_S: Final = 3 * 86_400
HOURS_KEPT_S: Final = 400 * 86_400

_INSERT: Final = """INSERT INTO metered (
        grain_s, starts_at, tenant_id, class, offered, admitted, answered, rejected, cost_units, latency
    )"""
_ADD: Final = """ON CONFLICT (grain_s, starts_at, tenant_id, class) DO UPDATE SET
        offered = metered.offered + excluded.offered,
        admitted = metered.admitted + excluded.admitted,
        answered = metered.answered + excluded.answered,
        rejected = metered.rejected + excluded.rejected,
        cost_units = metered.cost_units + excluded.cost_units,
        latency = add_lists(metered.latency, excluded.latency)"""

_WRITE: Final = f"""
    {_INSERT}
    SELECT 1, starts_at, tenant_id, class, offered, admitted, answered, rejected, cost_units, latency::bigint[]
    FROM unnest(
        %s::timestamptz[], %s::bigint[], %s::smallint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
        %s::bigint[], %s::text[]
    ) AS row (starts_at, tenant_id, class, offered, admitted, answered, rejected, cost_units, latency)
    {_ADD}
"""  # noqa: S608 - of constants

_ROLL_UP: Final = f"""
    WITH moved AS (
        DELETE FROM metered WHERE grain_s = %(from)s AND starts_at < now() - make_interval(secs => %(kept)s)
        RETURNING *
    )
    {_INSERT}
    SELECT %(to)s, to_timestamp(floor(extract(epoch FROM starts_at) / %(to)s) * %(to)s) AS slot, tenant_id, class,
        sum(offered), sum(admitted), sum(answered), sum(rejected), sum(cost_units), sum_lists(latency)
    FROM moved GROUP BY slot, tenant_id, class ORDER BY slot, tenant_id, class
    {_ADD}
"""  # noqa: S608 - of constants

_READ: Final = """
    SELECT (extract(epoch FROM starts_at) * 1000000)::bigint AS starts_at, tenant_id, class, offered,
        admitted, answered, rejected, cost_units, latency
    FROM metered WHERE grain_s = ANY(%s) AND starts_at >= %s AND starts_at < %s
    ORDER BY starts_at, tenant_id, class
"""

_LOAD: Final = """
    SELECT coalesce(sum(offered), 0) FROM metered
    WHERE grain_s = 1 AND tenant_id <> %(unknown)s
        AND starts_at >= date_trunc('second', now()) - make_interval(secs => %(seconds)s + 1)
        AND starts_at < date_trunc('second', now()) - make_interval(secs => 1)
"""


async def write_rows(connection: Connection, rows: Sequence[MeteredRow]) -> None:
    """Add rows of one process to those of the others. A row may come in parts."""
    if not rows:
        return
    ordered = sorted(rows, key=lambda row: row[:3])
    merged: dict[tuple[int, int, int], MeteredRow] = {}
    for row in ordered:
        known = merged.get(row[:3])
        merged[row[:3]] = row if known is None else _added(known, row)
    columns = list(zip(*merged.values(), strict=True))
    columns[0] = tuple(map(to_datetime, columns[0]))
    columns[2] = tuple(map(int, columns[2]))
    columns[8] = tuple("{%s}" % ",".join(map(str, one)) for one in columns[8])  # noqa: UP031 - braces
    await connection.execute(_WRITE, [list(column) for column in columns])


def _added(one: MeteredRow, other: MeteredRow) -> MeteredRow:
    latency = tuple(a + b for a, b in zip(one.latency, other.latency, strict=True))
    return MeteredRow(
        one.starts_at,
        one.tenant_id,
        one.traffic_class,
        one.offered + other.offered,
        one.admitted + other.admitted,
        one.answered + other.answered,
        one.rejected + other.rejected,
        one.cost_units + other.cost_units,
        latency,
    )


async def roll_up(connection: Connection) -> None:
    """Seconds older than a quarter of an hour become minutes, minutes older than three days hours; hours older than 400
    days are swept.
    """
    await connection.execute(_ROLL_UP, {"from": 1, "to": 60, "kept": SECONDS_KEPT_S})
    await connection.execute(_ROLL_UP, {"from": 60, "to": 3600, "kept": MINUTES_KEPT_S})
    await connection.execute(
        "DELETE FROM metered WHERE grain_s = 3600 AND starts_at < now() - make_interval(secs => %s)", [HOURS_KEPT_S]
    )


async def load_per_s(connection: Connection, seconds: int = 5) -> float:
    """Requests a second that known tenants offered in the last full seconds. Who names no tenant counts for nothing, so
    that a flood of those has no effect.
    """
    cursor = await connection.execute(_LOAD, {"seconds": seconds, "unknown": UNKNOWN_TENANT})
    row = await cursor.fetchone()
    return float(row[0]) / seconds if row is not None else 0.0


async def read_rows(
    connection: Connection, since: Micros, until: Micros, grains_s: Sequence[int] = (1, 60, 3600)
) -> list[MeteredRow]:
    """Rows that begin within [since, until), of the grains 1, 60 and 3,600 s."""
    cursor = await connection.execute(_READ, [list(grains_s), to_datetime(since), to_datetime(until)])
    return [_row(*row) for row in await cursor.fetchall()]


def _row(starts_at: Micros, tenant_id: int, traffic_class: int, *rest: Any) -> MeteredRow:
    *counts, latency = rest
    offered, admitted, answered, rejected, cost_units = counts
    return MeteredRow(
        starts_at,
        tenant_id,
        TrafficClass(traffic_class),
        offered,
        admitted,
        answered,
        rejected,
        cost_units,
        tuple(latency),
    )
