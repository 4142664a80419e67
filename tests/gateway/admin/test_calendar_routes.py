"""Calendars in the admin API: declared, shown, replaced, removed, and refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import psycopg
import pytest
from admin_platform import Platform

from calendars.test_declared import CALENDAR
from chuanliu.calendars import declared_store


@pytest.fixture(scope="module")
def merchant(platform: Platform) -> str:
    """The number of a merchant that declares events."""
    return str(platform.ok("POST", "/admin/v1/merchants", {"name": "北岸商城"})["seller_id"])


def put(platform: Platform, name: str, text: str) -> Any:
    return platform.call("PUT", f"/admin/v1/calendars/{name}", text.encode(), media_type="application/yaml")


def declared(url: str) -> declared_store.Declared:
    async def main() -> declared_store.Declared:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            return await declared_store.read(connection)

    return asyncio.run(main())


def test_a_calendar_is_put_shown_replaced_and_removed(platform: Platform, merchant: str, database_url: str) -> None:
    before = declared(database_url).version
    response = put(platform, "double-11", CALENDAR.format(tenant=merchant))
    assert response.status == 200, response.body
    shown = json.loads(response.body)
    first, second = shown["events"]
    assert first == {
        "tenant": merchant,
        "name": "eight o'clock",
        "start": "2026-11-11T12:00:00.000Z",
        "duration_minutes": 60.0,
        "shape": "step",
        "peak_per_s": {"p50": 100.0, "p90": 150.0, "p99": 300.0},
    }
    assert (second["window"]["from"], second["standby_per_s"]) == ("2026-11-11T11:30:00.000Z", 40.0)
    (overlap,) = shown["overlaps"]
    assert (overlap["start"], overlap["end"], overlap["is_conflict"]) == (
        "2026-11-11T12:00:00.000Z",
        "2026-11-11T13:00:00.000Z",
        True,
    )
    assert platform.ok("GET", "/admin/v1/calendar-overlaps")["overlaps"] == shown["overlaps"]
    # What is shown can be declared again, as JSON.
    again = json.dumps({"events": shown["events"]}).encode()
    assert platform.call("PUT", "/admin/v1/calendars/copy", again).status == 200
    stored = declared(database_url)
    assert stored.calendars["copy"] == stored.calendars["double-11"]
    assert stored.version == before + 2
    assert put(platform, "double-11", "events: []").status == 200
    listed = {one["calendar"]: len(one["events"]) for one in platform.ok("GET", "/admin/v1/calendars")["calendars"]}
    assert (listed["double-11"], listed["copy"]) == (0, 2)
    for name in ("double-11", "copy"):
        assert platform.ok("DELETE", f"/admin/v1/calendars/{name}")["events"] == []
    assert declared(database_url).version == before + 5
    assert platform.code("DELETE", "/admin/v1/calendars/copy") == (404, "calendar_not_found")


def test_what_is_wrong_is_named_and_nothing_is_stored(platform: Platform, merchant: str, database_url: str) -> None:
    before = declared(database_url)
    for name, text, code in (
        ("Upper", "events: []", (400, "invalid_parameter")),
        ("x" * 65, "events: []", (400, "invalid_parameter")),
        ("one", "events: 5", (400, "invalid_parameter")),
        ("one", CALENDAR.format(tenant=merchant).replace("p99: 300", "p99: 20"), (400, "invalid_parameter")),
        ("one", CALENDAR.format(tenant="north"), (400, "invalid_parameter")),
        ("one", CALENDAR.format(tenant="2088999999999999"), (404, "merchant_not_found")),
    ):
        found = platform.code("PUT", f"/admin/v1/calendars/{name}", text.encode(), media_type="application/yaml")
        assert found == code, (name, text)
    response = put(platform, "one", CALENDAR.format(tenant=merchant).replace("duration_minutes: 60", "duration: 60"))
    assert "line 6" in json.loads(response.body)["detail"]
    assert platform.code("PUT", "/admin/v1/calendars/one", b"events: []", media_type="text/plain") == (
        415,
        "unsupported_media_type",
    )
    assert platform.code("GET", "/admin/v1/calendars", key="merchant")[0] == 403
    assert declared(database_url) == before
