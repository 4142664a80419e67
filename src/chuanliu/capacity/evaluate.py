"""A trace replayed under four policies: static, reactive, plan, oracle. What each costs, and what it turns away.

A unit serves `unit_rate` requests/s and starts `lag` after it is asked for. The tenants share one pool; where it is
short, each loses the same share of what it asks for in that slot. All policies begin with what the first slot tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from chuanliu.calendars import Event
from chuanliu.capacity.foresight import HEADROOM, WINDOW, planned_units, trailing_max
from chuanliu.capacity.trace import Floats, Trace
from chuanliu.capacity.watching import slots_of
from chuanliu.clock import MINUTE, SECOND, Micros
from chuanliu.errors import Invalid

LAG: Final = 5 * MINUTE
UNIT_RATE: Final = 100.0

Units = npt.NDArray[np.int64]


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """The same share for what tenants sent in windows of pulses of unknown time, and for all the rest."""

    unknown_time: float
    otherwise: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`over_share` is the share of all requests that came over capacity, 0 to 1; `unit_minutes` is units × minutes."""

    unit_minutes: float
    over_share: float
    worst_tenant: str
    worst_tenant_over_share: float
    over_share_apart: Apart | None = None


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome a policy."""

    static: Outcome
    reactive: Outcome
    plan: Outcome
    oracle: Outcome


def evaluate(
    trace: Trace, events: Sequence[Event] = (), *, lag: Micros = LAG, unit_rate: float = UNIT_RATE
) -> Evaluation:
    """Raises `Invalid` for a negative lag or a unit that serves nothing."""
    if lag < 0:
        raise Invalid("invalid_parameter", "the lag must be 0 s or more", field="lag_s")
    if not (0 < unit_rate < float("inf")):
        raise Invalid("invalid_parameter", "a unit must serve more than 0 requests a second", field="unit_rate")
    total = trace.rates.sum(axis=0)
    units = {
        "static": np.full(trace.slots, _units(total, unit_rate).max()),
        "reactive": reactive_units(total, trace.step, lag=lag, unit_rate=unit_rate),
        "plan": planned_units(trace, events, lag=lag, unit_rate=unit_rate),
        "oracle": _units(total, unit_rate),
    }
    apart = _unknown_slots(trace, events)
    outcomes = {name: _outcome(trace, total, each, unit_rate, apart) for name, each in units.items()}
    return Evaluation(**outcomes)


def reactive_units(total: Floats, step: Micros, *, lag: Micros, unit_rate: float) -> Units:
    """The largest rate of the last five minutes × 1.5, effective a lag later, up and down."""
    wanted = trailing_max(total, max(slots_of(WINDOW, step), 1)) * HEADROOM
    late = slots_of(lag, step)
    return _units(np.concatenate([np.full(late, wanted[0]), wanted])[: total.size], unit_rate)


def _units(rates: Floats, unit_rate: float) -> Units:
    return np.ceil(rates / unit_rate * (1 - 1e-12)).astype(np.int64)


def _unknown_slots(trace: Trace, events: Sequence[Event]) -> npt.NDArray[np.bool_] | None:
    rows = {tenant: row for row, tenant in enumerate(trace.tenants)}
    if not any(event.unknown_time for event in events):
        return None
    marked = np.zeros(trace.rates.shape, dtype=bool)
    for event in events:
        if event.unknown_time and event.tenant in rows:
            first = max((event.start - trace.start) // trace.step, 0)
            marked[rows[event.tenant], first : max(slots_of(event.end - trace.start, trace.step), 0)] = True
    return marked


def _share(part: float, whole: float) -> float:
    return round(part / whole, 9) if whole > 0 else 0.0


def _outcome(
    trace: Trace, total: Floats, units: Units, unit_rate: float, apart: npt.NDArray[np.bool_] | None
) -> Outcome:
    over = np.maximum(total - units * unit_rate, 0.0)
    # Rounding of sums is no request.
    over[over <= 1e-9 * total] = 0.0
    lost = trace.rates * np.divide(over, total, out=np.zeros_like(over), where=total > 0)
    by_tenant, sent = lost.sum(axis=1), trace.rates.sum(axis=1)
    shares = np.divide(by_tenant, sent, out=np.zeros_like(sent), where=sent > 0)
    worst = int(shares.argmax())
    separate = None
    if apart is not None:
        separate = Apart(
            unknown_time=_share(float(lost[apart].sum()), float(trace.rates[apart].sum())),
            otherwise=_share(float(lost[~apart].sum()), float(trace.rates[~apart].sum())),
        )
    return Outcome(
        unit_minutes=round(float(units.sum()) * (trace.step / SECOND) / 60, 3),
        over_share=_share(float(over.sum()), float(total.sum())),
        worst_tenant=trace.tenants[worst],
        worst_tenant_over_share=round(float(shares[worst]), 9),
        over_share_apart=separate,
    )
