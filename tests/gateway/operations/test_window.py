"""Which stretch of time the operations screen shows, and what is made of its rows."""

from __future__ import annotations

import pytest

from chuanliu.admission import TenantSettings
from chuanliu.clock import DAY, HOUR, MINUTE, SECOND
from chuanliu.gateway.operations.session import LASTS, form_token, key_of_session, session_text
from chuanliu.gateway.operations.window import (
    SPANS_MIN,
    PlannedSlot,
    TenantSums,
    Window,
    next_steps,
    plan_steps,
    quantile_ms,
    river_steps,
    tenant_rows,
    window_of,
)
from chuanliu.serving import LATENCY_BUCKETS_S

NOW = 1_794_000_000 * SECOND


@pytest.mark.parametrize("minutes", SPANS_MIN)
def test_a_live_window_ends_now_in_whole_steps(minutes: int) -> None:
    window = window_of(minutes, None, NOW + 7)
    assert window.is_live and window.until <= NOW + 7 < window.until + window.step
    assert window.since % window.step == window.until % window.step == 0
    assert 60 <= window.steps <= 180


@pytest.mark.parametrize(
    ("minutes", "age", "step"),
    [
        (15, 5 * MINUTE, MINUTE),  # a part of it is rolled up to minutes already
        (15, 2 * HOUR, MINUTE),
        (60, 2 * DAY, MINUTE),
        (15, 10 * DAY, HOUR),
        (1440, 10 * DAY, HOUR),
        (43_200, 10 * DAY, 4 * HOUR),
    ],
)
def test_steps_are_as_coarse_as_what_is_metered(minutes: int, age: int, step: int) -> None:
    window = window_of(minutes, NOW - age, NOW)
    assert not window.is_live and window.step == step
    assert window.since < NOW - age < window.until
    assert window.steps >= 12


def test_who_asks_for_the_future_sees_what_is_live() -> None:
    assert window_of(60, NOW + DAY, NOW) == window_of(60, None, NOW)


WINDOW = Window(NOW, NOW + 60 * SECOND, 5 * SECOND, is_live=True)


def test_steps_have_rates_and_are_there_when_nothing_happens() -> None:
    sums = [TenantSums(NOW, 7, 50, 40, 10, 320), TenantSums(NOW, 8, 5, 5, 0, 40), TenantSums(NOW, 9, 5, 0, 5, 0)]
    counts = [0] * (len(LATENCY_BUCKETS_S) + 1)
    counts[3] = 100
    steps = river_steps(WINDOW, sums, {NOW: counts}, {NOW: 12_34}, {7: "a", 8: "b", 9: "c"})
    assert len(steps) == 12
    first, second = steps[:2]
    assert (first.offered, first.admitted, first.rejected) == (12, 9, 3)
    assert first.by_tenant == {"a": 8, "b": 1}
    assert (first.paid_minor, second.paid_minor) == (12_34, 0)
    assert first.p50_ms == pytest.approx(7.5)
    assert second.p99_ms is None and second.offered == 0
    assert river_steps(WINDOW, [], {}, None, {})[0].paid_minor is None


def test_quantiles_above_all_bounds_are_the_last_bound() -> None:
    assert quantile_ms([0] * len(LATENCY_BUCKETS_S) + [3], 0.5) == LATENCY_BUCKETS_S[-1] * 1000
    assert quantile_ms([], 0.5) is None


def slot(begin_s: int, end_s: int, units: int) -> PlannedSlot:
    return PlannedSlot(NOW + begin_s * SECOND, NOW + end_s * SECOND, units, units * 10.0, units * 9.0, f"{units} why")


def test_the_plan_goes_on_beyond_a_live_window_and_leaves_gaps() -> None:
    slots = [slot(0, 30, 2), slot(30, 45, 3), slot(55, 300, 5)]
    steps = plan_steps(WINDOW, slots)
    assert [step.units for step in steps] == [2] * 6 + [3] * 3 + [None] * 2 + [5] * 5
    assert len(plan_steps(WINDOW._replace(is_live=False), slots)) == 12
    assert plan_steps(WINDOW, [])[0].capacity_per_s is None
    # Several slots in one step: the most counts.
    assert plan_steps(WINDOW, [slot(0, 2, 1), slot(2, 4, 9), slot(4, 60, 1)])[0].units == 9


def test_what_comes_next_are_changes() -> None:
    slots = [slot(0, 30, 2), slot(30, 60, 2), slot(60, 90, 5), slot(90, 120, 5), slot(120, 150, 1)]
    found = next_steps(slots, NOW + 10 * SECOND)
    assert [(step.at - NOW, step.units, step.change, step.why) for step in found] == [
        (60 * SECOND, 5, 3, "5 why"),
        (120 * SECOND, 1, -4, "1 why"),
    ]


@pytest.mark.parametrize(
    ("offered", "rejected", "terms", "standing"),
    [
        (10, 0, TenantSettings(20), "promise"),
        (10, 2, TenantSettings(20), "overload"),
        (30, 0, TenantSettings(20), "over"),
        (50, 9, TenantSettings(20, burst_per_s=40), "capped"),
        (10, 0, TenantSettings(), "shared"),
        (10, 5, TenantSettings(), "refused"),
    ],
)
def test_why_a_tenant_gets_what_it_gets(offered: int, rejected: int, terms: TenantSettings, standing: str) -> None:
    sums = [TenantSums(NOW, 7, offered * 60, (offered - rejected) * 60, rejected * 60, 0)]
    (row,) = tenant_rows(WINDOW, sums, {7: "a"}, {7: terms})
    assert (row.offered, row.rejected, row.standing) == (offered, rejected, standing)
    assert tenant_rows(WINDOW._replace(is_live=False), sums, {7: "a"}, {7: terms})[0].standing == "past"


def test_live_tenants_are_those_of_the_last_minute() -> None:
    window = Window(NOW - 900 * SECOND, NOW, 5 * SECOND, is_live=True)
    sums = [TenantSums(NOW - 600 * SECOND, 7, 100, 100, 0, 0), TenantSums(NOW - 5 * SECOND, 8, 60, 60, 0, 0)]
    assert [(row.name, row.offered) for row in tenant_rows(window, sums, {7: "a", 8: "b"}, {})] == [("b", 1)]


def test_sessions_are_ours_for_twelve_hours() -> None:
    text = session_text(77, NOW, b"key")
    assert key_of_session(text, NOW + LASTS - SECOND, b"key") == 77
    assert key_of_session(text, NOW + LASTS + SECOND, b"key") is None
    assert key_of_session(text, NOW, b"other") is None
    assert key_of_session("1" + text, NOW, b"key") is None
    assert [key_of_session(odd, NOW, b"key") for odd in ("", ".", "x.y.z", "é")] == [None] * 4
    assert form_token(text, b"key") != form_token(text + "x", b"key")
