"""Traces: what each tenant asked for, slot by slot, as a matrix. Read from CSV `time, tenant, requests_per_s`."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Self

import msgspec
import numpy as np
import numpy.typing as npt

from chuanliu.clock import MINUTE, SECOND, Micros, from_datetime, iso_text
from chuanliu.errors import Invalid

Floats = npt.NDArray[np.float64]

COLUMNS: Final = ("time", "tenant", "requests_per_s")
CELLS_MAX: Final = 200_000_000


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """`rates[tenant, slot]` in requests/s; slot k covers [start + k · step, start + (k + 1) · step)."""

    tenants: list[str]
    start: Micros
    step: Micros
    rates: Floats

    @classmethod
    def of(cls, start: Micros, step: Micros, rates: Mapping[str, Sequence[float]]) -> Self:
        """A trace of these rates by tenant, one for each slot from `start` on."""
        return cls(tenants=list(rates), start=start, step=step, rates=np.array(list(rates.values())))

    @property
    def slots(self) -> int:
        """How many slots there are, at least one."""
        return int(self.rates.shape[1])


def read_trace(text: str) -> Trace:
    """Rows in any order; columns in any order, further ones are ignored. The step is the most common distance of times.

    A tenant without a row in a slot sent nothing. Several rows of a tenant within one slot at different times are
    averaged. Raises `Invalid(invalid_parameter)` with the line.
    """
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    places = _header(rows)
    numbers: dict[str, int] = {}
    known: dict[str, Micros] = {}
    seen: dict[tuple[int, Micros], int] = {}
    rates: list[float] = []
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            time_text, tenant, rate_text = (row[at].strip() if at < len(row) else "" for at in places)
            line = rows.line_num
            if time_text not in known:
                known[time_text] = _moment(time_text, line)
            if not tenant:
                raise Invalid("invalid_parameter", f"line {line}: tenant is empty")
            key = (numbers.setdefault(tenant, len(numbers)), known[time_text])
            if key in seen:
                raise Invalid("invalid_parameter", f"line {line}: tenant {tenant} at {time_text} is given twice")
            seen[key] = line
            rates.append(_rate(rate_text, line))
    except csv.Error as error:
        raise Invalid("invalid_parameter", f"line {rows.line_num}: {error}") from None
    if not rates:
        raise Invalid("invalid_parameter", "the trace has no rows")
    return _grid(list(numbers), np.array(list(seen), dtype=np.int64), np.array(rates))


def trace_rows(trace: Trace) -> Iterator[tuple[str, str, str]]:
    """The header and one row a tenant and slot, as `read_trace` reads them. Rates have six digits."""
    yield COLUMNS
    for slot in range(trace.slots):
        time = iso_text(trace.start + slot * trace.step)
        for row, tenant in enumerate(trace.tenants):
            yield time, tenant, f"{trace.rates[row, slot]:.6g}"


def _header(rows: object) -> tuple[int, int, int]:
    names = [name.strip().lower() for name in next(iter(rows), [])]  # type: ignore[call-overload]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise Invalid(
            "invalid_parameter", f"line 1: the header must name {', '.join(COLUMNS)}; missing: {', '.join(missing)}"
        )
    return names.index("time"), names.index("tenant"), names.index("requests_per_s")


def _moment(text: str, line: int) -> Micros:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("invalid_parameter", f"line {line}: time must be ISO 8601, not {text[:40]!r}") from None
    if moment.tzinfo is None:
        raise Invalid("invalid_parameter", f"line {line}: time has no zone: write an offset such as Z or +08:00")
    return from_datetime(moment)


def _rate(text: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1e12:
        raise Invalid(
            "invalid_parameter", f"line {line}: requests_per_s must be a number of 0 or more, not {text[:40]!r}"
        )
    return value


def _grid(tenants: list[str], keys: npt.NDArray[np.int64], rates: Floats) -> Trace:
    times = np.unique(keys[:, 1])
    distances = Counter(np.diff(times).tolist())
    most = max(distances.values(), default=0)
    step = min((each for each, count in distances.items() if count == most), default=MINUTE)
    start = int(times[0])
    slots = int((int(times[-1]) - start) // step) + 1
    if slots * len(tenants) > CELLS_MAX:
        raise Invalid(
            "invalid_parameter", f"{len(tenants)} tenants × {slots} slots of {step / SECOND:g} s are too many to replay"
        )
    at = (keys[:, 1] - start) // step
    total = np.zeros((len(tenants), slots))
    count = np.zeros((len(tenants), slots))
    np.add.at(total, (keys[:, 0], at), rates)
    np.add.at(count, (keys[:, 0], at), 1.0)
    order = sorted(range(len(tenants)), key=tenants.__getitem__)
    filled = np.divide(total, count, out=np.zeros_like(total), where=count > 0)[order]
    return Trace(tenants=[tenants[n] for n in order], start=start, step=step, rates=filled)
