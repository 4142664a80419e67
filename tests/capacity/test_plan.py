"""Plans keep promises, waste nothing they need not, and say what conflicts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chuanliu.bench.capacity_days import DAY_START, steps
from chuanliu.capacity import Terms, Work, make_plan, promises_of, read_jobs, why, work_of
from chuanliu.clock import MINUTE
from chuanliu.errors import Invalid, Refused


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


def test_offline_work_fills_what_promises_leave_and_keeps_its_deadline() -> None:
    promised = np.array([[0, 0, 90, 90, 0, 0.0]])
    terms = Terms(unit_rate=50, units_max=3)
    work = [Work(name="archive", first=0, last=4, amount=5.0, units_max=2.0)]
    plan = make_plan(["a"], promised, terms, work)
    offline = plan.offline[0]
    assert abs(offline.sum() - 5) < 1e-6 and (offline[4:] == 0).all() and offline.max() <= 2 + 1e-9
    served = np.array([plan.units(slot) for slot in range(6)]) * terms.unit_rate
    assert (promised[0] + offline * terms.unit_rate <= served + 1e-6).all()
    assert "Offline jobs have units meanwhile: archive" in " ".join(why(plan, terms, "a", int(offline.argmax())))


def test_a_conflict_over_several_slots_names_all_that_it_takes_and_nothing_else() -> None:
    promised = np.zeros((4, 8))
    promised[0, :4], promised[1, 2:8], promised[2, 6:], promised[3, 0] = 60, 50, 10, 5
    terms = Terms(unit_rate=50, units_max=2)
    work = [
        Work(name="audit", first=0, last=8, amount=8.0, units_max=2.0),
        Work(name="small", first=7, last=8, amount=0.1, units_max=1.0),
    ]
    with pytest.raises(Refused) as refused:
        make_plan(["a", "b", "c", "d"], promised, terms, work[:1])
    text = str(refused.value)
    assert "a (60/s)" in text and "b (50/s)" in text and "c (" not in text and "d (" not in text
    # Without the larger promise the rest can be kept: none is named in vain.
    kept = make_plan(["b", "c", "d"], promised[1:], terms, work)
    assert abs(kept.offline[0].sum() - 8) < 1e-6


def test_units_that_have_yet_to_start_are_not_counted_on() -> None:
    promised = np.array([[120.0, 120.0, 0.0, 0.0]])
    terms = Terms(unit_rate=50, units_max=9, lag_slots=1, running=1)
    with pytest.raises(Refused, match=r"1 of them before others could start; .* a \(120/s\)$"):
        make_plan(["a"], promised, terms)
    assert make_plan(["a"], promised, Terms(unit_rate=50, units_max=9, lag_slots=1, running=3)).units(0) == 3


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([0, 20, 40, 70]), min_size=6, max_size=6), min_size=2, max_size=5),
    st.lists(st.floats(0.5, 12), max_size=3),
)
def test_what_is_named_conflicts_and_less_does_not(rates: list[list[int]], amounts: list[float]) -> None:
    promised = np.array(rates, dtype=float)
    tenants = [f"t{n}" for n in range(len(rates))]
    work = [Work(name=f"j{n}", first=n, last=n + 4, amount=each, units_max=2.0) for n, each in enumerate(amounts)]
    terms = Terms(unit_rate=50, units_max=3)
    try:
        make_plan(tenants, promised, terms, work)
    except Refused as refused:
        named = str(refused).split("are more: ")[1]
        jobs = [each for each in work if f"job {each.name} (" in named]
        rows = [row for row, tenant in enumerate(tenants) if f"{tenant} (" in named]
        with pytest.raises(Refused):
            make_plan([tenants[row] for row in rows], promised[rows], terms, jobs)
        for job in jobs:
            others = [each for each in jobs if each is not job]
            if not rows:
                make_plan([], promised[:0], terms, others)


def test_jobs_are_read_and_mistakes_said_with_their_lines() -> None:
    text = (
        "jobs:\n"
        "  - {name: archive, from: 2026-11-11T18:00:00+08:00, deadline: 2026-11-11T20:02:00+08:00,\n"
        "     unit_minutes: 60, units_max: 2}\n"
    )
    (job,) = read_jobs(text)
    (work,) = work_of([job], job.begin - 7 * MINUTE, 5 * MINUTE, 288)
    assert (work.first, work.last, work.amount) == (2, 25, 12.0)
    for wrong, says in [
        (text.replace("60", "0"), "line 3: `unit_minutes`"),
        (text.replace("20:02", "17:00"), "line 2: `deadline` must be after"),
        (text.replace("name: archive, ", ""), "line 2: `name` is missing"),
        ("jobs: 3", "line 1: `jobs` must be a list"),
    ]:
        with pytest.raises(Invalid, match=says):
            read_jobs(wrong)
