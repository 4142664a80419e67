"""Scenarios: the shipped one, the load that a seed makes, and mistakes with their lines."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from chuanliu.capacity import evaluate, load_of, read_scenario, read_trace
from chuanliu.cli import app
from chuanliu.clock import MINUTE, SECOND
from chuanliu.errors import Invalid

SHIPPED = (files("chuanliu.capacity") / "scenarios" / "double-eleven.yaml").read_text(encoding="utf-8")
SMALL = """\
name: small
start: 2026-11-11T18:00:00+08:00
duration_minutes: 240
slot_s: 60
unit_rate: 10
lag_s: 120
groups:
  - name: shop
    count: 2
    usual_per_s: 10
    scale: {from: 1, to: 3}
    events:
      - {start: "2026-11-11T20:00:00+08:00", duration_minutes: 30, peak_per_s: {p50: 50, p90: 60, p99: 80}}
  - name: host
    usual_per_s: 1
    sends_times: 10
    events:
      - window: {from: "2026-11-11T19:00:00+08:00", to: "2026-11-11T21:00:00+08:00"}
        duration_minutes: 10
        shape: pulse
        standby_per_s: 5
        peak_per_s: {p50: 20, p90: 30, p99: 40}
"""


def test_the_shipped_scenario_is_what_its_name_promises() -> None:
    scenario = read_scenario(SHIPPED)
    assert len(scenario.members) == len({member.tenant for member in scenario.members}) == 120
    pulses = [event for event in scenario.events if event.unknown_time]
    assert len(pulses) == 40
    assert all((event.end - event.start, event.standby_per_s > 0) == (300 * MINUTE, True) for event in pulses)
    assert len({member.zone for member in scenario.members} - {"Asia/Shanghai"}) == 7
    assert [member.group for member in scenario.members if member.sends_times == 10] == ["underestimated"]
    eight = scenario.start + 8 * 60 * MINUTE
    running = {event.tenant.rsplit("-", 1)[0] for event in scenario.events if event.start <= eight < event.end}
    assert {"mall", "flash-sale", "coupons"} <= running
    assert Path(__file__).parents[2].joinpath("scenarios", "double-eleven.yaml").read_text("utf-8") == SHIPPED


def test_the_plan_loses_little_of_the_shipped_scenario() -> None:
    scenario = read_scenario(SHIPPED)
    found = evaluate(load_of(scenario, 1), scenario.events, lag=scenario.lag, unit_rate=scenario.unit_rate)
    assert found.plan.over_share_apart is not None and found.reactive.over_share_apart is not None
    assert found.plan.over_share_apart.otherwise <= found.reactive.over_share_apart.otherwise / 5
    assert found.plan.unit_minutes <= found.reactive.unit_minutes
    assert found.plan.unit_minutes <= 0.4 * found.static.unit_minutes


def test_a_seed_makes_the_same_load_and_another_seed_another() -> None:
    scenario = read_scenario(SMALL)
    one, again, other = (load_of(scenario, seed) for seed in (7, 7, 8))
    assert one.tenants == ["host", "shop-1", "shop-2"]
    assert (one.rates == again.rates).all() and (one.rates != other.rates).any()
    assert one.rates.shape == (3, 240) and one.step == 60 * SECOND
    # The second shop is three times as large, in usual rates and events alike.
    assert 2.5 < one.rates[2, :60].mean() / one.rates[1, :60].mean() < 3.5
    pulse = np.flatnonzero(one.rates[0] > 30)
    assert pulse.min() >= 60 and pulse.max() <= 180 and 8 <= pulse.size <= 11


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: the scenario is empty"),
        ("name: x", "line 1: `start` is missing"),
        (SMALL.replace("slot_s: 60", "slot_s: 0"), "line 4: `slot_s` must be a number, above 0"),
        (SMALL.replace("slot_s: 60", "slot_s: 61"), "line 4: `slot_s` must be at most 10, or a multiple of 10"),
        (SMALL.replace("240", "99999999"), "line 4: a scenario is at most 31 days"),
        (SMALL.replace("count: 2", "count: two"), "line 9: `count` must be a number"),
        (SMALL.replace("count: 2", "count: 1.5"), "line 9: `count` must be a whole number"),
        (SMALL.replace("to: 3", "too: 3"), "line 11: `too` is not known"),
        (SMALL.replace("name: host", "name: shop"), "line 14: a group must have a `name` of its own"),
        (SMALL.replace("p90: 60", "p90: 90"), "line 13: p50, p90 and p99 must ascend"),
        (SMALL.replace("    usual_per_s: 1\n", "    zone: Mars/Base\n"), "line 14: `usual_per_s` is missing"),
        (SMALL.replace("    usual_per_s: 1\n", "    zone: Mars/Base\n"), "line 15: `zone` must be a name"),
        (SMALL.split("  - name", maxsplit=1)[0], "line 7: `groups` must be a list"),
    ],
)
def test_mistakes_are_said_with_their_lines(text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read_scenario(text)


def test_the_command_replays_it_and_writes_the_load(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    csv = tmp_path / "load.csv"
    done = CliRunner().invoke(
        app, ["capacity", "scenario", str(tmp_path / "small.yaml"), "--seed", "3", "--write-trace", str(csv), "--json"]
    )
    assert done.exit_code == 0 and '"over_share_apart"' in done.stdout
    written, load = read_trace(csv.read_text()), load_of(read_scenario(SMALL), 3)
    assert (written.tenants, written.step) == (load.tenants, load.step)
    assert np.allclose(written.rates, load.rates, rtol=1e-5)
