"""The operations screen on a real database: who may see it, and that its figures are those of the rows."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from alipay_world.world import World, world
from chuanliu.clock import MINUTE, SECOND, to_datetime
from chuanliu.gateway import operations
from chuanliu.gateway.operations import screen_store
from chuanliu.gateway.operations.window import window_of
from chuanliu.ids import SHADOW_PARTIES
from chuanliu.metering import MeteredRow, TrafficClass, meter_store
from chuanliu.parties import API_KEY_RANDOMNESS, AddApiKey, EndApiKey, ReadReference, api_key_text, new_api_key
from chuanliu.serving import LATENCY_BUCKETS_S, Application, KnownPeer, Request, Response, Router

PEER = KnownPeer("192.0.2.1:1")
FORM = "application/x-www-form-urlencoded"


class Screen:
    """The screen of a platform that is a sandbox, or is not."""

    def __init__(self, platform: World, *, sandbox: bool) -> None:
        self.platform = platform
        router = Router()
        operations.add_routes(router, replace(platform.services, sandbox=sandbox))
        self.application = Application(router)

    def get(self, path: str, query: str = "lang=en", cookie: str = "") -> Response:
        headers = {"cookie": cookie} if cookie else {}
        return self._send(Request("GET", path, query, headers, b"", PEER))

    def post(self, path: str, cookie: str, **fields: str) -> Response:
        headers = {"cookie": cookie, "content-type": FORM}
        return self._send(Request("POST", path, "", headers, urlencode(fields).encode(), PEER))

    def _send(self, request: Request) -> Response:
        return self.platform.run(self.application.answer(request))


@pytest.fixture(scope="module")
def platform(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


@pytest.fixture(scope="module")
def shown(platform: World) -> Screen:
    return Screen(platform, sandbox=True)


@pytest.fixture(scope="module")
def guarded(platform: World) -> Screen:
    return Screen(platform, sandbox=False)


def add_key(platform: World, merchant_id: int) -> tuple[str, int]:
    text = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS), "merchant" if merchant_id else "admin")

    async def add() -> int:
        return (await platform.services.engine.submit(AddApiKey(merchant_id, new_api_key(text)))).key_id

    return text, platform.run(add())


def cookie_of(response: Response) -> str:
    return str(response.header("set-cookie")).split(";", 1)[0]


def token_in(response: Response) -> str:
    found = re.search(rb'name="csrf_token" value="([^"]+)"', response.body)
    assert found is not None
    return found.group(1).decode()


def test_outside_of_a_sandbox_an_administrators_key_opens_it_until_it_ends(platform: World, guarded: Screen) -> None:
    asked = guarded.get("/operations")
    assert asked.status == 200 and b"Administrator's key" in asked.body.replace(b"&#39;", b"'")
    assert guarded.get("/operations/live").status == 403
    token, form_cookie = token_in(asked), cookie_of(asked)
    admin, key_id = add_key(platform, 0)
    merchant, _ = add_key(platform, int(platform.shop().seller_id))
    for wrong in ("", "nonsense", merchant):
        again = guarded.post("/operations/sign-in", form_cookie, csrf_token=token, admin_key=wrong, lang="en")
        assert again.status == 403 and b"problem" in again.body
    forged = guarded.post("/operations/sign-in", form_cookie, csrf_token="x", admin_key=admin, lang="en")
    assert forged.status == 403 and b"Administrator" not in forged.body
    entered = guarded.post("/operations/sign-in", form_cookie, csrf_token=token, admin_key=admin, lang="en")
    assert entered.status == 303
    assert {"httponly", "samesite=strict", "path=/operations"} <= set(
        str(entered.header("set-cookie")).lower().split("; ")
    )
    session = cookie_of(entered)
    page = guarded.get("/operations", cookie=session)
    assert b"The river" in page.body and guarded.get("/operations/live", cookie=session).status == 200
    assert guarded.get("/operations", cookie=session[:-1] + "x").body.count(b"admin_key") == 1
    # Signing out needs the page's own token, and a key that ends ends what it opened.
    assert guarded.post("/operations/sign-out", session, csrf_token="x").status == 403
    gone = guarded.post("/operations/sign-out", session, csrf_token=token_in(page))
    assert gone.status == 303 and "max-age=0" in str(gone.header("set-cookie"))

    async def end() -> None:
        await platform.services.engine.submit(EndApiKey(0, key_id))
        await platform.services.engine.ask(ReadReference())

    platform.run(end())
    assert b"admin_key" in guarded.get("/operations", cookie=session).body


def metered(at: int, tenant: int, offered: int, rejected: int) -> MeteredRow:
    admitted = offered - rejected
    latency = tuple(admitted if bucket == 4 else 0 for bucket in range(len(LATENCY_BUCKETS_S) + 1))
    return MeteredRow(at, tenant, TrafficClass.PAY, offered, admitted, admitted, rejected, 8 * admitted, latency)


async def write(url: str, rows: list[MeteredRow]) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await meter_store.write_rows(connection, rows)


def test_real_and_rehearsed_requests_are_apart_and_counted_once(platform: World, database_url: str) -> None:
    merchant = int(platform.shop().seller_id)
    now = time.time_ns() // 1000 // SECOND * SECOND
    rows = [metered(now - age * SECOND, who, 10, 2) for age in range(6, 105) for who in (merchant, SHADOW_PARTIES + 5)]
    asyncio.run(write(database_url, rows))

    async def read(shadow: bool) -> Any:
        window = window_of(15, None, now)
        meter = screen_store.LiveMeter(shadow=shadow)
        async with platform.services.reads.connection() as connection:
            first = await meter.read(connection, window)
            # What comes late is there at the next look; what is old is not read again.
            await meter_store.write_rows(connection, [metered(now - 8 * SECOND, rows[shadow].tenant_id, 5, 0)])
            second = await meter.read(connection, window._replace(until=window.until + window.step))
            whole = await screen_store.read_metered(connection, window, shadow=shadow)
        return first, second, whole

    for shadow in (False, True):
        first, second, whole = platform.run(read(shadow))
        assert {each.tenant_id for each in first.sums} == {rows[shadow].tenant_id}
        counted = sum(each.offered for each in second.sums)
        assert counted == sum(each.offered for each in whole.sums) == 99 * 10 + 5
        assert sum(map(sum, second.latency.values())) == 99 * 8 + 5
        assert sum(each.rejected for each in second.sums) == 99 * 2


def test_the_page_shows_plan_next_steps_jobs_and_rehearsals(platform: World, shown: Screen, database_url: str) -> None:
    now = time.time_ns() // 1000
    with psycopg.connect(database_url, autocommit=True) as connection:
        for shadow in (False, True):
            for number, units in enumerate((4, 9)):
                connection.execute(
                    "INSERT INTO planned_slot VALUES (%s, %s, %s, %s, %s, %s, %s)",
                    [
                        shadow,
                        to_datetime(now + (number * 5 - 3) * MINUTE),
                        to_datetime(now + (number * 5 + 2) * MINUTE),
                        units,
                        units * 100,
                        units * 90,
                        "because of the evening" if shadow else "because of the morning",
                    ],
                )
        connection.execute(
            "INSERT INTO rehearsal VALUES (1, 'small evening', 'failed', now() - interval '2 hours',"
            """ now() - interval '1 hour', '{"broke_first": {"text": "tea lost 5"}}')"""
        )
        connection.execute("INSERT INTO offline_job (name, due_at, finish_by) VALUES ('tidy', now(), now())")
    page = shown.get("/operations").body.decode()
    assert "9 units</span> (+5)" in page or "(+5)" in page
    assert "because of the morning" in page and "because of the evening" not in page
    assert "of 400 a second" in page and "4 planned" in page
    assert "deadline at risk" in page
    (link,) = re.findall(r'href="([^"]+)">[^<]*small evening', page)
    past = shown.get(*link.replace("&amp;", "&").split("?", 1)).body.decode()
    assert "tea lost 5" in past and "operations.js" not in past
    rehearsed = shown.get("/operations", "lang=zh-CN&pool=shadow").body.decode()
    assert "because of the evening" in rehearsed and "压测演练" in rehearsed
    part = shown.get("/operations/live", "lang=en&minutes=60").body.decode()
    assert "<html" not in part and part.count('<svg class="flows"') == 4 == part.count("<details")


@pytest.mark.parametrize("query", ["minutes=7", "pool=both", "at=yesterday", "at=2026-11-11T20:00:00", "minutes=x"])
def test_what_makes_no_sense_is_refused(shown: Screen, query: str) -> None:
    refused = shown.get("/operations", query)
    assert refused.status == 400 and b"invalid_parameter" in refused.body


@pytest.mark.parametrize("minutes", ["15", "60", "360", "1440", "10080", "43200"])
@pytest.mark.parametrize("at", ["", "2026-01-05T10:00:00Z"])
def test_every_window_is_a_page(shown: Screen, minutes: str, at: str) -> None:
    query = urlencode({"minutes": minutes, "lang": "en"} | ({"at": at} if at else {}))
    assert shown.get("/operations", query).status == 200
