"""The home of offline jobs on a real database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from chuanliu.acquiring import OLD_QUOTES
from chuanliu.clock import HOUR, MINUTE
from chuanliu.errors import NotFound
from chuanliu.offline import CpuPressure, Home, Leftovers, Span, job_store
from chuanliu.offline.job_store import Connection
from chuanliu.promotions import budget_store
from chuanliu.trade import sweep_store
from trade.market import Market


class Counting:
    """Counts to a number, two at a time, and keeps where it is; may be told to fail, or do something at a number."""

    every = HOUR
    within = HOUR

    def __init__(self, name: str = "counting", to: int = 10, at: dict[int, Callable[[], None]] | None = None) -> None:
        self.name = name
        self.reached = 0
        self._to = to
        self._at = at or {}

    def remaining(self, connection: Connection) -> int:
        return self._to - self.reached

    def chunks(self, connection: Connection) -> Iterator[int]:
        while self.reached < self._to:
            self._at.pop(self.reached, lambda: None)()
            self.reached += 2
            yield 2


@pytest.fixture
def connection(market: Market) -> Iterator[Connection]:
    with psycopg.connect(market.url, autocommit=True) as opened:
        opened.execute("DELETE FROM offline_job")
        yield opened


def test_due_jobs_run_once_and_are_due_again(connection: Connection) -> None:
    job = Counting()
    job_store.enrol(connection, [job])
    home = Home(connection, [job], lambda: False)
    assert (home.run_due(), home.run_due()) == (1, 0)
    state = job_store.state(connection, "counting")
    assert (state.status, state.done, state.total, state.problem) == ("idle", 10, 10, "")
    assert state.started_at is not None
    assert state.finished_at is not None
    assert state.started_at <= state.finished_at < state.due_at
    assert state.finish_by - state.due_at == HOUR
    job.reached = 0
    assert job_store.ask(connection, "counting", "run").due_at < state.due_at
    assert home.run_due() == 1


def test_a_job_that_fails_says_why_and_others_go_on(connection: Connection) -> None:
    def fail() -> None:
        raise ValueError("no such page")

    failing, other = Counting("failing", at={4: fail}), Counting("other")
    job_store.enrol(connection, [failing, other])
    home = Home(connection, [failing, other], lambda: False)
    assert home.run_due() == 1
    state = job_store.state(connection, "failing")
    assert (state.status, state.done, state.total) == ("failed", 4, 10)
    assert state.problem == "ValueError: no such page"
    assert home.run_due() == 0
    job_store.ask(connection, "failing", "run")
    assert home.run_due() == 1
    again = job_store.state(connection, "failing")
    assert (again.status, again.done, failing.reached, again.problem) == ("idle", 6, 10, "")


def test_a_mistake_in_the_database_is_the_jobs_own(connection: Connection) -> None:
    def ask_for_what_is_not_there() -> None:
        connection.execute("SELECT FROM no_such_table")

    failing, other = Counting("failing", at={2: ask_for_what_is_not_there}), Counting("other")
    job_store.enrol(connection, [failing, other])
    assert Home(connection, [failing, other], lambda: False).run_due() == 1
    state = job_store.state(connection, "failing")
    assert (state.status, state.done) == ("failed", 2)
    assert state.problem.startswith("UndefinedTable: relation")


def test_a_lost_connection_ends_the_home_and_another_goes_on(market: Market, connection: Connection) -> None:
    def cut_the_line() -> None:
        market.execute("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)

    job = Counting(at={4: cut_the_line})
    job_store.enrol(connection, [job])
    home = Home(connection, [job], lambda: False)
    with pytest.raises(psycopg.OperationalError):
        home.run_due()
    with psycopg.connect(market.url, autocommit=True) as again:
        job_store.enrol(again, [job])
        assert Home(again, [job], lambda: False).run_due() == 1
    assert job.reached == 10


def test_a_stop_leaves_a_job_due_where_it_is(connection: Connection) -> None:
    stopping = []
    job = Counting(at={4: lambda: stopping.append(True)})
    job_store.enrol(connection, [job])
    assert Home(connection, [job], lambda: bool(stopping)).run_due() == 0
    state = job_store.state(connection, "counting")
    assert (state.status, state.done, job.reached) == ("idle", 6, 6)
    stopping.clear()
    assert Home(connection, [job], lambda: False).run_due() == 1
    assert job.reached == 10


def test_a_run_that_died_is_taken_up(connection: Connection) -> None:
    job = Counting()
    job_store.enrol(connection, [job])
    job_store.begin(connection, "counting", 10)
    job_store.enrol(connection, [job])
    assert Home(connection, [job], lambda: False).run_due() == 1


def test_a_paused_job_waits_also_in_the_middle(connection: Connection) -> None:
    job = Counting(to=100_000)
    job_store.enrol(connection, [job])
    job_store.ask(connection, "counting", "pause")
    home = Home(connection, [job], lambda: False)
    assert (home.run_due(), job.reached) == (0, 0)
    job_store.ask(connection, "counting", "resume")

    def pause_from_elsewhere() -> None:
        job_store.ask(connection, "counting", "pause")

    middle = Counting(to=100_000, at={2: pause_from_elsewhere})
    assert Home(connection, [middle], lambda: False).run_due() == 0
    state = job_store.state(connection, "counting")
    assert (state.paused, state.status) == (True, "idle")
    assert 2 < middle.reached < 100_000
    assert state.done == middle.reached


def test_the_earliest_deadline_goes_first(connection: Connection) -> None:
    order: list[str] = []
    jobs = [Counting(name, 2, {0: lambda name=name: order.append(name)}) for name in ("a", "b", "c")]  # type: ignore[misc]
    job_store.enrol(connection, jobs)
    connection.execute("UPDATE offline_job SET finish_by = now() + interval '1 minute' WHERE name = 'c'")
    connection.execute("UPDATE offline_job SET finish_by = now() + interval '2 minutes' WHERE name = 'a'")
    assert Home(connection, jobs, lambda: False).run_due() == 3
    assert order == ["c", "a", "b"]


def test_a_job_stands_still_while_online_requests_wait(connection: Connection, tmp_path: Path) -> None:
    waits = [0.5, 0.3, 0.2, 0.11, 0.1, 0.0]
    reached = []
    job = Counting(to=4)

    def online_wait() -> float:
        reached.append(job.reached)
        return waits.pop(0) if waits else 0.0

    job_store.enrol(connection, [job])
    untold = CpuPressure(tmp_path / "no-such-file")
    home = Home(connection, [job], lambda: False, untold, online_wait=online_wait)
    assert home.run_due() == 1
    assert reached == [2, 2, 2, 2, 2, 4]


def test_a_job_with_an_earlier_deadline_takes_over_and_the_other_goes_on_behind_it(connection: Connection) -> None:
    order: list[str] = []

    def make_the_other_due() -> None:
        job_store.ask(connection, "short", "run")
        time.sleep(0.6)

    long = Counting("long", 200, {100: make_the_other_due, 198: lambda: order.append("long")})
    short = Counting("short", 2, {0: lambda: order.append("short")})
    job_store.enrol(connection, [long, short])
    connection.execute("UPDATE offline_job SET due_at = now() + interval '1 hour' WHERE name = 'short'")
    connection.execute("UPDATE offline_job SET finish_by = now() + interval '2 hours' WHERE name = 'long'")
    assert Home(connection, [long, short], lambda: False).run_due() == 2
    assert order == ["short", "long"]
    assert long.reached == 200


def test_a_job_works_in_its_windows_and_outside_only_when_it_would_be_late(connection: Connection) -> None:
    job, now = Counting(), time.time_ns() // 1000
    job_store.enrol(connection, [job])
    home = Home(connection, [job], lambda: False)
    job_store.set_windows(connection, {"counting": [Span(now + 10 * MINUTE, now + 20 * MINUTE)]})
    assert (home.run_due(), job.reached) == (0, 0)
    job_store.set_windows(connection, {"counting": [Span(now + 2 * HOUR, now + 3 * HOUR)]})
    assert (home.run_due(), job.reached) == (1, 10)
    job.reached = 0
    job_store.ask(connection, "counting", "run")
    job_store.set_windows(connection, {"counting": [Span(now - MINUTE, now + 30 * MINUTE)]})
    assert job_store.windows(connection) == {"counting": [(now - MINUTE, now + 30 * MINUTE)]}
    assert home.run_due() == 1
    job.reached = 0
    job_store.ask(connection, "counting", "run")
    job_store.set_windows(connection, {"counting": [Span(now - 3 * MINUTE, now - 2 * MINUTE)]})
    assert home.run_due() == 1
    with pytest.raises(NotFound):
        job_store.set_windows(connection, {"counting": [], "nothing": []})


def test_a_job_leaves_when_its_window_ends(connection: Connection) -> None:
    def end_the_window() -> None:
        now = time.time_ns() // 1000
        spans = [Span(now - 2 * MINUTE, now - MINUTE), Span(now + MINUTE, now + 2 * MINUTE)]
        job_store.set_windows(connection, {"counting": spans})
        time.sleep(0.6)

    job = Counting(to=200, at={100: end_the_window})
    job_store.enrol(connection, [job])
    assert Home(connection, [job], lambda: False).run_due() == 0
    state = job_store.state(connection, "counting")
    assert (state.status, job.reached) == ("idle", 102)


def test_unknown_jobs_are_refused(connection: Connection) -> None:
    for what in ("pause", "resume", "run"):
        with pytest.raises(NotFound) as refused:
            job_store.ask(connection, "nothing", what)
        assert refused.value.code == "job_not_found"


def test_leftovers_go_and_what_is_still_asked_for_stays(market: Market, connection: Connection) -> None:
    market.execute(
        "INSERT INTO payment_code (cell, code, consumer_id, confirm_above_minor, expires_at)"
        " SELECT 0, 1000 + n, 1, 0, now() - make_interval(hours => n) FROM generate_series(1, 1000) AS n"
    )
    market.execute(
        "INSERT INTO idempotency SELECT 0, n, 'x', 'k', '', '', now() - make_interval(days => n)"
        " FROM generate_series(1, 50) AS n"
    )
    market.execute("INSERT INTO batch_marker SELECT 0, n FROM generate_series(1, 10) AS n")
    market.execute(
        "INSERT INTO quote (cell, quote_id, consumer_id, merchant_id, currency, amount_minor, status, choice, offers,"
        " sponsors, shares, reserved_at, created_at, expires_at)"
        " SELECT 0, n, 1, 1, 'CNY', 1, CASE n %% 2 WHEN 0 THEN 'offered' ELSE 'confirmed' END, 0, '', '{}', '{}',"
        " now(), now(), now() - make_interval(hours => n) FROM generate_series(1, 40) AS n"
    )
    market.execute(
        "INSERT INTO campaign_use (cell, campaign_id, consumer_id, day, uses)"
        " VALUES (0, 1, 1, 0, 1), (0, 1, 1, 20250101, 1), (0, 1, 1, 21000101, 1)"
    )
    job = Leftovers((*sweep_store.LEFTOVERS, OLD_QUOTES, *budget_store.OLD_USES))
    expected = job.remaining(connection)
    with psycopg.connect(market.url) as other:
        other.execute("SELECT FROM payment_code WHERE code = 1999 FOR UPDATE")
        assert sum(job.chunks(connection)) == expected - 1
    assert sum(job.chunks(connection)) == 1
    assert job.remaining(connection) == 0
    assert market.one("SELECT count(*) FROM payment_code WHERE code BETWEEN 1001 AND 2000") == 23
    assert market.one("SELECT count(*) FROM idempotency WHERE operation = 'x'") == 34
    assert market.one("SELECT count(*) FROM batch_marker WHERE batch_id <= 10") == 0
    assert market.one("SELECT count(*) FROM quote WHERE quote_id <= 40 AND status = 'confirmed'") == 20
    assert market.one("SELECT count(*) FROM quote WHERE quote_id <= 40 AND status = 'offered'") == 11
    assert market.one("SELECT array_agg(day ORDER BY day) FROM campaign_use WHERE campaign_id = 1") == [0, 21000101]
