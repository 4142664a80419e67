"""Scripts of rehearsals: scenarios on the clock of the run."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from chuanliu.capacity import Scenario, load_of, read_scenario
from chuanliu.clock import MINUTE
from chuanliu.errors import Invalid
from chuanliu.rehearsal import Part, make_script

SHIPPED = (files("chuanliu.capacity") / "scenarios" / "double-eleven.yaml").read_text(encoding="utf-8")
SMALL = """
name: two
start: 2026-11-11T19:00:00+08:00
duration_minutes: 60
slot_s: 60
unit_rate: 10
lag_s: 300
groups:
  - name: shop
    usual_per_s: 2
    events:
      - {start: "2026-11-11T19:30:00+08:00", duration_minutes: 10, peak_per_s: {p50: 20, p90: 30, p99: 40}}
  - {name: quiet, usual_per_s: 1}
"""


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return read_scenario(SMALL)


def test_compressing_keeps_rates_and_shortens_hours(scenario: Scenario) -> None:
    script = make_script(scenario, Part(compress=60, scale=0.5))
    assert (script.seconds, script.step_s, script.slot_s, script.slots) == (60, 1, 5, 12)
    assert np.allclose(script.rates, load_of(scenario, 1).rates * 0.5)
    assert script.tenants == ["quiet", "shop"]
    assert script.moment(30) == scenario.start + 30 * MINUTE


def test_promises_hold_what_is_usual_and_what_was_declared(scenario: Scenario) -> None:
    script = make_script(scenario, Part(compress=60, scale=0.5))
    shop = script.tenants.index("shop")
    assert script.guaranteed[shop, 0] == pytest.approx(2 * 1.2 * 0.5)
    assert script.guaranteed[shop, 6] == pytest.approx((2 * 1.2 + 40) * 0.5)
    # Units serve all promises, at the scale of the run.
    for slot in range(script.slots):
        assert script.units[slot] * script.unit_rate >= script.guaranteed[:, slot].sum() - 1e-9
    assert "requests/s" in script.reasons[6]


def test_a_promise_is_told_ahead_and_counts_from_when_it_is_known(scenario: Scenario) -> None:
    script = make_script(scenario, Part(compress=60))
    shop = script.tenants.index("shop")
    high = 2 * 1.2 + 40
    assert script.settings_at(28)[shop].guarantee_per_s == pytest.approx(high)
    assert script.promised(shop, 31) == pytest.approx(2 * 1.2)
    assert script.promised(shop, 34) == pytest.approx(high)
    assert script.promised(shop, 39) == pytest.approx(2 * 1.2)  # the next second has begun when the last of it comes
    assert script.limit_at(28) == script.limit_at(31) >= high
    # A cap never cuts into what chance makes of a kept promise.
    assert all(one.burst_per_s > one.guarantee_per_s for one in script.settings_at(31))


def test_a_part_begins_on_a_slot_of_the_plan(scenario: Scenario) -> None:
    part = Part(compress=60, start=scenario.start + 27 * MINUTE, minutes=10)
    script = make_script(scenario, part)
    assert script.start == scenario.start + 25 * MINUTE
    assert (script.seconds, script.slots) == (10, 2)
    assert np.allclose(script.rates, load_of(scenario, 1).rates[:, 25:35])


def test_requests_around_a_start_are_held_until_it_strikes(scenario: Scenario) -> None:
    script = make_script(scenario, Part(compress=60, hold_s=0.5))
    assert script.holds == [(script.tenants.index("shop"), 29.5, 30.5, 30.0)]
    assert make_script(scenario, Part(compress=60)).holds == []


@pytest.mark.parametrize(
    "part",
    [
        Part(compress=0),
        Part(scale=float("nan")),
        Part(compress=1e6),
        Part(start=0),
        Part(minutes=0),
        Part(compress=0.001),
    ],
)
def test_what_makes_no_sense_is_refused(scenario: Scenario, part: Part) -> None:
    with pytest.raises(Invalid):
        make_script(scenario, part)


def test_the_shipped_scenario_is_planned_whole() -> None:
    script = make_script(read_scenario(SHIPPED), Part(compress=60, scale=0.02))
    assert (len(script.tenants), script.seconds, script.slots) == (120, 1440, 288)
    noisy = script.tenants.index("underestimated")
    assert script.rates[noisy].max() > 2 * script.guaranteed[noisy].max()
    kept = script.rates.sum(axis=0).max()
    assert max(script.units) * script.unit_rate > kept
