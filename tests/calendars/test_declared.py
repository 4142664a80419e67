"""Calendars on record and in a file: what counts at present, and what it promises tenants at each instant."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chuanliu.admission import PoolSettings, TenantSettings
from chuanliu.calendars import (
    Event,
    EventFeed,
    declared_store,
    promised_at,
    read_calendar,
    read_icalendar,
    write_icalendar,
)
from chuanliu.clock import HOUR, MINUTE
from chuanliu.errors import ChuanliuError

CALENDAR = """
events:
  - tenant: "{tenant}"
    name: eight o'clock
    start: 2026-11-11T20:00:00+08:00
    duration_minutes: 60
    peak_per_s: {{p50: 100, p90: 150, p99: 300}}
  - tenant: "{tenant}"
    name: a host goes live
    shape: pulse
    window: {{from: 2026-11-11T19:30:00+08:00, to: 2026-11-11T23:00:00+08:00}}
    duration_minutes: 5
    peak_per_s: {{p50: 40, p90: 60, p99: 90}}
"""


def event(**changes: Any) -> Event:
    (found, *_) = read_calendar(CALENDAR.format(tenant="2088000000000001"))
    return Event(**{**{name: getattr(found, name) for name in found.__struct_fields__}, **changes})


def test_an_event_promises_its_p99_from_a_minute_before_to_a_minute_after() -> None:
    one = event()
    for at, promised in (
        (one.start - MINUTE - 1, {}),
        (one.start - MINUTE, {one.tenant: 300.0}),
        (one.end + MINUTE - 1, {one.tenant: 300.0}),
        (one.end + MINUTE, {}),
    ):
        assert promised_at([one], at) == promised


def test_promises_of_one_tenant_add_up_and_a_window_promises_its_standby() -> None:
    one = event()
    live = event(unknown_time=True, standby_per_s=40.0, start=one.start - HOUR, end=one.end + HOUR)
    train = event(shape="pulse", every=20 * MINUTE, duration=10 * MINUTE)
    assert promised_at([one, live], one.start) == {one.tenant: 340.0}
    assert promised_at([live], one.start) == {one.tenant: 40.0}
    pulses = [bool(promised_at([train], train.start + minutes * MINUTE)) for minutes in (0, 10, 12, 18, 19, 25, 55)]
    assert pulses == [True, True, False, False, True, True, False]


def test_a_promise_counts_where_it_is_more_than_what_is_set() -> None:
    pool = PoolSettings(100.0, {1: TenantSettings(5.0, 2.0, 10.0, 0), 2: TenantSettings(50.0)})
    found = pool.promising({1: 30.0, 2: 30.0, 3: 7.0})
    assert found.of(1) == TenantSettings(30.0, 2.0, 30.0, 0)
    assert (found.of(2), found.of(3)) == (TenantSettings(50.0), TenantSettings(7.0))
    assert pool.promising({}) == pool


def test_a_feed_reads_what_has_changed_and_keeps_the_last_good_file(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "calendar.yaml"

    async def main() -> None:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            file.write_text(CALENDAR.format(tenant="cashier"))
            feed = EventFeed(file)
            await feed.look(connection)
            edition, known = feed.edition, len(feed.events)
            await feed.look(connection)
            assert (feed.edition, feed.problem) == (edition, "")
            await declared_store.put(connection, "feed", read_calendar(CALENDAR.format(tenant="2088000000000001")))
            await feed.look(connection)
            assert (feed.edition, len(feed.events)) == (edition + 1, known + 2)
            file.write_text("events: [")
            await feed.look(connection)
            assert len(feed.events) == known + 2
            assert "line 1: " in feed.problem
            file.write_text("events: []")
            await feed.look(connection)
            assert (len(feed.events), feed.problem) == (known, "")
            await declared_store.remove(connection, "feed")
            await feed.look(connection)
            assert len(feed.events) == known - 2

    asyncio.run(main())


def test_a_calendar_has_at_most_so_many_events(database_url: str) -> None:
    async def main() -> None:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            with pytest.raises(ChuanliuError) as refused:
                await declared_store.put(connection, "many", [event()] * (declared_store.EVENTS_MAX + 1))
            assert refused.value.code == "invalid_parameter"

    asyncio.run(main())


def test_a_train_promises_as_its_pulses_do_one_by_one() -> None:
    one = event()
    for every in (1, 2, 3, 7, 25):
        train = event(shape="pulse", every=every * MINUTE, duration=every * MINUTE // 2)
        pulses = [event(start=begin, end=end, duration=end - begin) for begin, end in train.spans()]
        assert train.pulses == len(pulses)
        for at in range(one.start - 3 * MINUTE, one.end + 3 * MINUTE, MINUTE // 4):
            assert bool(promised_at([train], at)) == bool(promised_at(pulses, at)), (every, at - one.start)


def test_a_train_of_too_many_pulses_is_refused() -> None:
    text = CALENDAR.format(tenant="cashier").replace(
        "duration_minutes: 60", "duration_minutes: 60\n    shape: pulse\n    every_minutes: 0.005"
    )
    with pytest.raises(ChuanliuError, match="at most 10000 pulses"):
        read_calendar(text)
    with pytest.raises(ChuanliuError, match="at most 10000 pulses"):
        read_icalendar(write_icalendar([event(shape="pulse", every=MINUTE // 200, duration=MINUTE // 400)], 0))
