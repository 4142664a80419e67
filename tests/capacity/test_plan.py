"""Plans keep promises, waste nothing they need not, and say what conflicts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chuanliu.bench.capacity_days import DAY_START, steps
from chuanliu.capacity import Terms, make_plan, promises_of, why
from chuanliu.clock import MINUTE
from chuanliu.errors import Refused


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 300), min_size=12, max_size=12), min_size=1, max_size=5), st.integers(1, 5))
def test_promises_are_kept_and_shares_fit(rates: list[list[int]], run: int) -> None:
    promised = np.array(rates, dtype=float)
    terms = Terms(unit_rate=50, units_max=100, run_slots_min=run)
    plan = make_plan([f"t{n}" for n in range(len(rates))], promised, terms)
    served = (plan.base_units + np.array(plan.elastic_units)) * terms.unit_rate
    assert (served >= promised.sum(axis=0) - 1e-6).all()
    assert ((plan.guaranteed + plan.burst).sum(axis=0) <= served + 1e-6).all()
    assert (plan.guaranteed == promised).all()


def test_an_elastic_unit_runs_its_least_time() -> None:
    plan = make_plan(["a"], np.array([[0, 0, 90, 0, 0, 0, 0, 0.0]]), Terms(unit_rate=50, units_max=9, run_slots_min=3))
    assert (plan.base_units, sum(plan.elastic_units)) == (0, 6)
    assert plan.elastic_units[2] == 2


def test_the_fewest_promises_that_conflict_are_named() -> None:
    promised = np.array([[10.0], [70.0], [60.0]])
    with pytest.raises(Refused, match=r"2 units serve 100/s; .* more: b \(70/s\), c \(60/s\)$"):
        make_plan(["a", "b", "c"], promised, Terms(unit_rate=50, units_max=2))


def test_a_day_of_declared_events_and_why() -> None:
    _, events = steps(3)
    tenants, promised = promises_of(events, DAY_START, 5 * MINUTE, 288)
    terms = Terms(unit_rate=100, units_max=2000)
    plan = make_plan(tenants, promised, terms)
    slot = int(promised[0].argmax())
    assert f"guaranteed {promised[0, slot]:g} requests/s" in why(plan, terms, tenants[0], slot)[0]
