"""Which partitions the growing tables need. Bounds are ids, which carry their time; periods are in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Final

from chuanliu.clock import Micros, from_datetime, to_datetime
from chuanliu.ids import first_id_at

AHEAD: Final = 3
"""Periods made ahead. Rows of a period without a partition go to the default partition, so nothing is ever refused."""


class Period(Enum):
    """How long one partition lasts."""

    DAY = "%Y%m%d"
    MONTH = "%Y%m"


@dataclass(frozen=True)
class PartitionedTable:
    """`drained` tables empty themselves, and lose their old partitions when they have."""

    name: str
    id_column: str
    period: Period
    drained: bool = False


@dataclass(frozen=True)
class Partition:
    """Ids in [first_id, end_id)."""

    table: PartitionedTable
    name: str
    first_id: int
    end_id: int


PARTITIONED_TABLES: Final = (
    PartitionedTable("transfer", "transfer_id", Period.MONTH),
    PartitionedTable("entry", "transfer_id", Period.MONTH),
    PartitionedTable("event", "event_id", Period.MONTH),
    PartitionedTable("delta", "transfer_id", Period.DAY, drained=True),
    PartitionedTable("outbox", "event_id", Period.DAY, drained=True),
    PartitionedTable("delivery", "delivery_id", Period.DAY, drained=True),
)


def partitions_due(table: PartitionedTable, now: Micros) -> list[Partition]:
    """The partition of `now` and the next `AHEAD`, without those that lie before the first possible id."""
    starts = [_start(now, table.period)]
    while len(starts) <= AHEAD + 1:
        starts.append(_next(starts[-1], table.period))
    ids = [first_id_at(from_datetime(start) // 1000) for start in starts]
    return [
        Partition(table, f"{table.name}_p{start.strftime(table.period.value)}", first_id, end_id)
        for start, first_id, end_id in zip(starts, ids, ids[1:], strict=False)
        if first_id < end_id
    ]


def outdated(table: PartitionedTable, names: list[str], now: Micros) -> list[str]:
    """Those of a drained table's partitions whose period ended two periods ago, oldest first."""
    if not table.drained:
        return []
    prefix = f"{table.name}_p"
    limit = prefix + (to_datetime(now).date() - _two(table.period)).strftime(table.period.value)
    return sorted(name for name in names if name.startswith(prefix) and len(name) == len(limit) and name < limit)


def _start(now: Micros, period: Period) -> datetime:
    today = to_datetime(now).date()
    return _midnight(today if period is Period.DAY else today.replace(day=1))


def _next(start: datetime, period: Period) -> datetime:
    if period is Period.DAY:
        return start + timedelta(days=1)
    return _midnight((start.date() + timedelta(days=31)).replace(day=1))


def _two(period: Period) -> timedelta:
    return timedelta(days=2 if period is Period.DAY else 62)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
