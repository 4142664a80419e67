"""What the operations screen reads: metered rows by step, money moved, plans of instalments, units, jobs, rehearsals.

One process keeps what can no longer change of the window that everybody looks at, and asks only for what is new.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
import psycopg

from chuanliu.admission import Report
from chuanliu.clock import SECOND, Micros, to_datetime
from chuanliu.gateway.operations.window import PlannedSlot, TenantSums, Window
from chuanliu.ids import CELLS, SHADOW_OFFSET, SHADOW_PARTIES, first_id_at, id_millis
from chuanliu.money import currency

Connection = psycopg.AsyncConnection[Any]

_SETTLED: Final = 20 * SECOND
_COUNTING_S: Final = 3
_PAST_MAX: Final = 12
_MICROS: Final = "(extract(epoch FROM {}) * 1000000)::bigint"

_SUMS: Final = """
    SELECT floor(extract(epoch FROM starts_at) / %(step)s)::bigint * %(step)s AS slot, tenant_id, sum(offered)::bigint,
        sum(admitted)::bigint, sum(rejected)::bigint, sum(cost_units)::bigint
    FROM metered
    WHERE starts_at >= %(since)s AND starts_at < %(until)s AND (tenant_id >= %(first)s) = %(shadow)s
        AND grain_s IN (1, 60, 3600)
    GROUP BY 1, 2
"""
_LATENCY: Final = """
    SELECT slot, array_agg(count ORDER BY place) FROM (
        SELECT floor(extract(epoch FROM starts_at) / %(step)s)::bigint * %(step)s AS slot, place,
            sum(count)::bigint AS count
        FROM metered, unnest(latency) WITH ORDINALITY AS bucket (count, place)
        WHERE starts_at >= %(since)s AND starts_at < %(until)s AND (tenant_id >= %(first)s) = %(shadow)s
            AND grain_s IN (1, 60, 3600)
        GROUP BY 1, 2
    ) counted GROUP BY slot
"""
_PAID: Final = """
    SELECT ((transfer_id >> 23) + %(epoch)s) / 1000 / %(step)s * %(step)s AS slot, sum(amount_minor)::bigint, count(*)
    FROM transfer
    WHERE cell = ANY (%(cells)s) AND transfer_id >= %(from)s AND transfer_id < %(end)s AND kind = 'payment'
        AND debit_account_id & 1023 = %(currency)s
    GROUP BY 1
"""
_PLANS: Final = """
    SELECT count(DISTINCT consumer_id), count(*) FROM plan
    WHERE cell = ANY (%(cells)s) AND plan_id >= %(from)s AND plan_id < %(end)s AND instalments > 1 AND status <> 'void'
"""
_SLOTS: Final = f"""
    SELECT {_MICROS.format("starts_at")}, {_MICROS.format("ends_at")}, units, capacity_per_s, promised_per_s, why
    FROM planned_slot WHERE shadow = %s AND ends_at > %s ORDER BY starts_at
"""  # noqa: S608 - of constants
_REPORTS: Final = "SELECT body FROM admission_report WHERE seen_at > clock_timestamp() - interval '3 s'"
_REHEARSALS: Final = f"""
    SELECT scenario, status, {_MICROS.format("started_at")}, {_MICROS.format("ends_at")},
        coalesce(report -> 'broke_first' ->> 'text', '')
    FROM rehearsal ORDER BY started_at DESC LIMIT %s
"""  # noqa: S608 - of constants

_report: Final = msgspec.json.Decoder(Report).decode


class Metered(NamedTuple):
    """A window's rows by step and tenant, and its latencies by step."""

    sums: list[TenantSums]
    latency: dict[Micros, list[int]]


class Money(NamedTuple):
    """What was paid in a window by step, and how many payments that were; people with new instalment plans."""

    by_step: dict[Micros, int]
    payments: int
    users: int
    plans: int


class Gateways(NamedTuple):
    """Gateway processes that report, and the longest that the first in a queue waits."""

    processes: int
    wait_s: float


class Rehearsed(NamedTuple):
    """A rehearsal on record."""

    scenario: str
    status: str
    started_at: Micros
    ends_at: Micros
    broke_first: str


def _cells(*, shadow: bool) -> list[int]:
    first = SHADOW_OFFSET if shadow else 0
    return list(range(first, first + CELLS))


async def read_metered(connection: Connection, window: Window, *, shadow: bool) -> Metered:
    """All of a window."""
    values = {
        "step": window.step // SECOND,
        "since": to_datetime(window.since),
        "until": to_datetime(window.until),
        "first": SHADOW_PARTIES,
        "shadow": shadow,
    }
    sums = [
        TenantSums(slot * SECOND, *rest) for slot, *rest in await (await connection.execute(_SUMS, values)).fetchall()
    ]
    rows = await (await connection.execute(_LATENCY, values)).fetchall()
    return Metered(sums, {slot * SECOND: list(counts) for slot, counts in rows})


class LiveMeter:
    """The live window of one pool, read step by step: what is old enough is kept."""

    def __init__(self, *, shadow: bool) -> None:
        self._shadow = shadow
        self._kept = Metered([], {})
        self._until: Micros = 0
        self._step: Micros = 0

    async def read(self, connection: Connection, window: Window) -> Metered:
        """The window as of now."""
        if window.step != self._step or self._until < window.since:
            self._kept, self._until, self._step = Metered([], {}), window.since, window.step
        fresh = await read_metered(connection, window._replace(since=self._until), shadow=self._shadow)
        border = max((window.until - _SETTLED) // window.step * window.step, self._until)
        sums = [each for each in self._kept.sums if each.at >= window.since]
        latency = {at: counts for at, counts in self._kept.latency.items() if at >= window.since}
        found = Metered([*sums, *fresh.sums], {**latency, **fresh.latency})
        self._kept = Metered(
            [each for each in found.sums if each.at < border],
            {at: counts for at, counts in found.latency.items() if at < border},
        )
        self._until = border
        return found


async def read_money(connection: Connection, window: Window, *, shadow: bool) -> Money | None:
    """None where counting would take too long: a window of many days on a busy platform."""
    values = {
        "epoch": id_millis(0),
        "step": window.step // SECOND,
        "cells": _cells(shadow=shadow),
        "from": first_id_at(window.since // 1000),
        "end": first_id_at(window.until // 1000),
        "currency": currency("CNY").numeric,
    }
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL statement_timeout = '{_COUNTING_S}s'")
            paid = await (await connection.execute(_PAID, values)).fetchall()
            plans = await (await connection.execute(_PLANS, values)).fetchone()
    except psycopg.errors.QueryCanceled:
        return None
    users, count = plans if plans is not None else (0, 0)
    return Money({slot * SECOND: minor for slot, minor, _ in paid}, sum(each[2] for each in paid), users, count)


async def read_slots(connection: Connection, since: Micros, *, shadow: bool) -> list[PlannedSlot]:
    """Slots of the plan that end after an instant."""
    rows = await (await connection.execute(_SLOTS, [shadow, to_datetime(since)])).fetchall()
    return [PlannedSlot(*row) for row in rows]


async def read_gateways(connection: Connection) -> Gateways:
    """Of this moment."""
    reports = [_report(body) for (body,) in await (await connection.execute(_REPORTS)).fetchall()]
    return Gateways(len(reports), max((report.wait_s for report in reports), default=0.0))


async def read_rehearsals(connection: Connection) -> list[Rehearsed]:
    """The latest first."""
    return [Rehearsed(*row) for row in await (await connection.execute(_REHEARSALS, [_PAST_MAX])).fetchall()]
