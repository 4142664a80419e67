"""The plan in force as rows in the database, for whoever shows or keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import psycopg

from chuanliu.capacity import Plan, Terms, why
from chuanliu.clock import Micros, to_datetime

Connection = psycopg.AsyncConnection[Any]

_KEPT_DAYS: Final = 400
_WRITE: Final = """
    INSERT INTO planned_slot (shadow, starts_at, ends_at, units, capacity_per_s, promised_per_s, why)
    SELECT %s, * FROM unnest(
        %s::timestamptz[], %s::timestamptz[], %s::integer[], %s::float8[], %s::float8[], %s::text[]
    )
    ON CONFLICT (shadow, starts_at) DO UPDATE SET ends_at = excluded.ends_at, units = excluded.units,
        capacity_per_s = excluded.capacity_per_s, promised_per_s = excluded.promised_per_s, why = excluded.why
"""


class SlotRow(NamedTuple):
    """A slot of a plan: its units, what they serve, what is promised (requests/s), and why it is so."""

    starts_at: Micros
    ends_at: Micros
    units: int
    capacity_per_s: float
    promised_per_s: float
    why: str


def slots_of(plan: Plan, terms: Terms, start: Micros, step: Micros) -> list[SlotRow]:
    """A plan's slots, with the tenant that has most of each."""
    found = []
    for slot, promised in enumerate(plan.guaranteed.sum(axis=0).tolist()):
        units = plan.units(slot)
        reason = f"{units} units run all the time."
        if promised > 0:
            largest = int(plan.guaranteed[:, slot].argmax())
            sentences = why(plan, terms, plan.tenants[largest], slot)
            reason = " ".join([*sentences[1:3], f"The largest is that of {plan.tenants[largest]}."])
        at = start + slot * step
        found.append(SlotRow(at, at + step, units, units * terms.unit_rate, promised, reason))
    return found


async def write_slots(connection: Connection, slots: Sequence[SlotRow], since: Micros, *, shadow: bool) -> None:
    """Put a plan in the place of the former one, from the slot of `since` on. What was before stays, for 400 days."""
    kept = [slot for slot in slots if slot.ends_at > since]
    async with connection.transaction():
        await connection.execute(
            "DELETE FROM planned_slot WHERE shadow = %s"
            " AND (ends_at > %s OR ends_at < now() - make_interval(days => %s))",
            [shadow, to_datetime(since), _KEPT_DAYS],
        )
        if kept:
            starts, ends, *rest = map(list, zip(*kept, strict=True))
            values = [shadow, list(map(to_datetime, starts)), list(map(to_datetime, ends)), *rest]
            await connection.execute(_WRITE, values)
