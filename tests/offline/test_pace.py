"""Pace and deadlines, without a clock."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from chuanliu.clock import HOUR, MINUTE, SECOND
from chuanliu.offline import CpuPressure, JobState, OnlineWait, Pace, at_risk, expected_end
from chuanliu.serving import Board, PlaceState


def state(**changed: object) -> JobState:
    asked = {
        "name": "statements",
        "status": "running",
        "paused": False,
        "due_at": 0,
        "finish_by": HOUR,
        "started_at": 0,
        "finished_at": None,
        "done": 0,
        "total": 1000,
        "worked_us": 0,
        "problem": "",
    }
    return JobState(**{**asked, **changed})  # type: ignore[arg-type]


def test_a_calm_machine_is_used_to_the_full() -> None:
    pace = Pace()
    pauses = [pace.pause_after(0.04, 0.0) for _ in range(40)]
    assert pauses == sorted(pauses, reverse=True)
    assert (pauses[-1], pace.duty) == (0.0, 1.0)


def test_pressure_halves_and_calm_adds() -> None:
    pace = Pace()
    for _ in range(40):
        pace.pause_after(0.04, 0.0)
    assert pace.pause_after(0.04, 0.9) == pytest.approx(0.04)
    assert pace.pause_after(0.04, 0.9) == pytest.approx(0.12)
    assert pace.pause_after(0.04, 0.4) == pytest.approx(0.12)
    assert pace.pause_after(0.04, 0.1) == pytest.approx(0.04 * 0.7 / 0.3)
    for _ in range(20):
        pace.pause_after(0.04, 1.0)
    assert pace.duty == 0.05
    assert pace.pause_after(10.0, 1.0) == 0.5


def test_where_the_machine_does_not_tell_a_fixed_share_is_used() -> None:
    pace = Pace()
    assert [pace.pause_after(0.04, None) for _ in range(3)] == [pytest.approx(0.12)] * 3
    assert not pace.must_wait(None)
    assert pace.must_wait(0.61)
    assert not pace.must_wait(0.6)


def test_what_online_requests_wait_counts_beside_the_pressure() -> None:
    pace = Pace()
    pace.duty = 0.5
    assert pace.pause_after(0.04, 0.0, 0.04) == pytest.approx(0.04 * 0.45 / 0.55)
    assert pace.pause_after(0.04, 0.0, 0.07) == pytest.approx(0.04 * 0.45 / 0.55)
    assert pace.pause_after(0.04, 0.0, 0.11) == pytest.approx(0.04 * 0.725 / 0.275)
    assert pace.pause_after(0.04, None, 0.11) == pytest.approx(0.04 * 0.8625 / 0.1375)
    assert pace.pause_after(0.04, None, 0.0) == pytest.approx(0.12)
    assert pace.must_wait(0.0, 0.101)
    assert pace.must_wait(None, 0.101)
    assert not pace.must_wait(0.0, 0.1)


def test_the_longest_wait_of_all_gateways_that_are_heard_is_told(tmp_path: Path) -> None:
    path = tmp_path / "board"
    wait = OnlineWait(path)
    assert wait.seconds() is None
    board = Board.create(path)
    assert wait.seconds() is None
    for place, (state, wait_us) in enumerate(
        ((PlaceState.OPEN, 3_000), (PlaceState.OPEN, 80_000), (PlaceState.LEAVING, 900_000))
    ):
        board.enter(place, state)
        board.beat(place, 1, wait_us)
    assert wait.seconds() == 0.08
    again = Board.create(path)
    assert wait.seconds() is None
    again.enter(0, PlaceState.OPEN)
    again.beat(0, 1, 5_000)
    assert wait.seconds() == 0.005
    board.close()
    again.close()


def test_a_gateway_that_stands_still_lets_its_requests_wait(tmp_path: Path) -> None:
    board = Board.create(tmp_path / "board")
    board.enter(0, PlaceState.OPEN)
    board.beat(0, 1, 0)
    time.sleep(0.3)
    told = OnlineWait(tmp_path / "board").seconds()
    assert told is not None
    assert told > 0.15
    board.close()


def test_pressure_is_what_others_wait(tmp_path: Path) -> None:
    pressure, own = tmp_path / "cpu", tmp_path / "schedstat"

    def tell(total_us: int, own_wait_ns: int) -> None:
        pressure.write_text(
            f"some avg10=1.00 avg60=2.00 avg300=3.00 total={total_us}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=9\n"
        )
        own.write_text(f"123 {own_wait_ns} 7\n")

    clock = iter([0.0, 1.0, 2.0, 3.0, 4.0])
    tell(1_000_000, 0)
    cpu = CpuPressure(pressure, own, lambda: next(clock))
    tell(1_400_000, 100_000_000)
    assert cpu.share() == pytest.approx(0.3)
    tell(1_500_000, 900_000_000)
    assert cpu.share() == 0.0
    tell(9_500_000, 900_000_000)
    assert cpu.share() == 1.0
    own.unlink()
    assert cpu.share() is None


def test_this_machine_tells_its_pressure_or_says_that_it_does_not() -> None:
    share = CpuPressure().share()
    assert share is None or 0.0 <= share <= 1.0


def test_a_deadline_at_risk_is_said_while_there_is_time() -> None:
    running = state(done=100, total=1000)
    assert expected_end(running, MINUTE) == 10 * MINUTE
    assert not at_risk(running, MINUTE)
    slow = state(done=10, total=1000)
    assert expected_end(slow, MINUTE) == 100 * MINUTE
    assert at_risk(slow, MINUTE)


@pytest.mark.parametrize(
    ("job", "now", "risky"),
    [
        (state(done=0), 4 * SECOND, False),
        (state(done=0), HOUR - 30 * SECOND, True),
        (state(status="idle", due_at=2 * HOUR, finish_by=3 * HOUR), HOUR, False),
        (state(status="idle", due_at=0, started_at=None), 30 * MINUTE, False),
        (state(status="idle", due_at=0, started_at=None), 2 * HOUR, True),
        (state(status="failed", due_at=0, started_at=None), 2 * HOUR, True),
    ],
)
def test_what_has_not_begun_is_at_risk_when_its_time_is_nearly_over(job: JobState, now: int, risky: bool) -> None:
    assert at_risk(job, now) is risky
