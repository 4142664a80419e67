"""Reminders: occasions, quiet hours, and each at most once, also when the job is killed or the mail server fails."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from assistant.mail_sink import MailSink, mail_sink
from assistant.test_overview import day_of, look
from bills.household import Household, household
from chuanliu.assistant import (
    ChangeProfile,
    FindOverview,
    MonthOfDues,
    Occasion,
    Overview,
    consumer_of_token,
    is_quiet,
    new_profile,
    occasions_of,
    off_token,
    words_of,
)
from chuanliu.bills import next_cycle
from chuanliu.clock import date_of, day_number, parse_wall
from chuanliu.connectors import Channel, InAppChannel, SmtpChannel, read_smtp_url
from chuanliu.crypto import SEAL_RANDOMNESS
from chuanliu.engine import Engine
from chuanliu.errors import Invalid, NotFound
from chuanliu.offline import Reminders
from engine.rig import engines, run
from instalments.shop import Shop
from lenders.samples import vault

NOON = parse_wall("2026-11-27 12:00")
AWAKE = {"quiet_from": 0, "quiet_until": 0}


@pytest.fixture
def sink() -> Iterator[MailSink]:
    with mail_sink() as opened:
        yield opened


async def reminded_home(shop: Shop, engine: Engine, code: str, **more: Any) -> Household:
    """A consumer at 93 % of her ideal bill, in the month to come and the two behind it."""
    home = await household(shop, engine, code, day_of(-3, 1))
    await home.buy("phone", day_of(0, 1), 3000_00, [day_of(months) for months in (1, 2, 3)])
    settings: dict[str, Any] = {"ideal_minor": 1100_00, "language": "en", **AWAKE, **more}
    await engine.submit(ChangeProfile(home.consumer, **settings))
    return home


def of_kind(found: Sequence[Occasion], kind: str) -> list[str]:
    return [each.key for each in found if each.kind == kind]


def test_occasions(shop: Shop) -> None:
    async def main() -> Overview:
        async with engines(shop.market.url) as [engine]:
            return await look(engine, await reminded_home(shop, engine, "occasions"))

    overview = run(main)
    month = overview.progress.month
    found = occasions_of(overview)
    assert of_kind(found, "share") == [f"share-80-{month}"]
    heavy = [f"heavy-{each.month}" for each in overview.calendar if each.month > month and each.left_minor]
    assert of_kind(found, "heavy") == heavy
    assert len(heavy) >= 2
    for percent, wanted in (
        (49, []),
        (50, [f"share-50-{month}"]),
        (79, [f"share-50-{month}"]),
        (130, [f"share-100-{month}"]),
    ):
        progress = msgspec.structs.replace(overview.progress, percent=percent)
        assert of_kind(occasions_of(msgspec.structs.replace(overview, progress=progress)), "share") == wanted
    # A proposal is not hers: nothing is said against it.
    profile = overview.profile.changed(ideal_minor=0)
    assert of_kind(occasions_of(msgspec.structs.replace(overview, profile=profile)), "share") == []
    assert of_kind(occasions_of(msgspec.structs.replace(overview, profile=profile)), "heavy") == []


@pytest.mark.parametrize(("ahead", "reminded"), [(0, True), (3, True), (4, False), (-1, False)])
def test_a_due_day_is_an_occasion_three_days_before(shop: Shop, ahead: int, reminded: bool) -> None:
    async def main() -> Overview:
        async with engines(shop.market.url) as [engine]:
            return await engine.ask(FindOverview(await shop.consumer(engine)))

    overview = run(main)
    day = day_number(date_of(20261115).replace(day=15 + ahead))
    month = MonthOfDues(202611, 100, 100, days=((day, 100),))
    later = MonthOfDues(next_cycle(202611))
    changed = msgspec.structs.replace(overview, today=20261115, calendar=(month, later))
    assert of_kind(occasions_of(changed), "due") == ([f"due-{day}"] if reminded else [])


@pytest.mark.parametrize(
    ("zone", "begin", "end", "at", "quiet"),
    [
        ("Asia/Shanghai", 22 * 60, 8 * 60, "2026-11-27 21:59", False),
        ("Asia/Shanghai", 22 * 60, 8 * 60, "2026-11-27 22:00", True),
        ("Asia/Shanghai", 22 * 60, 8 * 60, "2026-11-27 07:59", True),
        ("Asia/Shanghai", 22 * 60, 8 * 60, "2026-11-27 08:00", False),
        ("Asia/Shanghai", 13 * 60, 14 * 60, "2026-11-27 13:30", True),
        ("Asia/Shanghai", 13 * 60, 14 * 60, "2026-11-27 14:00", False),
        ("Asia/Shanghai", 0, 0, "2026-11-27 03:00", False),
        # 12:00 in Shanghai is 05:00 in Paris and 23:00 of the day before in New York.
        ("Europe/Paris", 22 * 60, 8 * 60, "2026-11-27 12:00", True),
        ("America/New_York", 23 * 60, 60, "2026-11-27 12:00", True),
        ("America/New_York", 23 * 60, 60, "2026-11-27 11:59", False),
    ],
)
def test_quiet_hours_are_those_of_her_zone(zone: str, begin: int, end: int, at: str, quiet: bool) -> None:
    profile = new_profile(1, 2088000000001005, 0).changed(time_zone=zone, quiet_from=begin, quiet_until=end)
    assert is_quiet(profile, parse_wall(at)) is quiet


@pytest.mark.parametrize("kind", ["share", "heavy", "due"])
def test_words_are_there_in_both_languages(kind: str) -> None:
    occasion = Occasion("k", kind, 20261209 if kind == "due" else 202612, 1023_00, 93)
    chinese, english = (words_of(occasion, "CNY", language) for language in ("zh", "en"))
    assert all("1023.00 CNY" in body for _, body in (chinese, english))
    assert english[0].isascii()
    assert not chinese[0].isascii() or kind == "due"


def test_links_turn_off_one_consumers_reminders_and_cannot_be_made_up() -> None:
    keys = vault()
    token = off_token(keys, 2088000000001005, secrets.token_bytes(SEAL_RANDOMNESS))
    assert consumer_of_token(keys, token) == 2088000000001005
    assert "2088000000001005" not in token
    broken = ["", "A", "%%%", token[:-2], token[:-1] + ("A" if token[-1] != "A" else "B"), "é" * 40]
    for forged in [*broken, off_token(vault(), 2088000000001005, bytes(SEAL_RANDOMNESS))]:
        with pytest.raises(NotFound):
            consumer_of_token(keys, forged)


async def give(engine: Engine, url: str, channels: dict[str, Channel], now: int = NOON) -> None:
    """One run of the job, on a thread as in the offline process."""
    loop = asyncio.get_running_loop()

    async def overviews(consumers: Sequence[int]) -> list[Overview]:
        return list(await asyncio.gather(*(engine.ask(FindOverview(each, with_end=False)) for each in consumers)))

    def look_at(consumers: Sequence[int]) -> Sequence[Overview]:
        return asyncio.run_coroutine_threadsafe(overviews(consumers), loop).result(20)

    job = Reminders(look_at, channels, lambda consumer: f"https://pay.example/assistant/off?t={consumer}", lambda: now)

    def work() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            assert job.remaining(connection) >= 0
            for _ in job.chunks(connection):
                pass

    await asyncio.to_thread(work)


def records(shop: Shop, consumer: int) -> Counter[tuple[str, str]]:
    """Channel and status of her reminders."""
    rows = shop.market.connection.execute("SELECT channel, status FROM reminder WHERE consumer_id = %s", [consumer])
    return Counter((channel, status) for channel, status in rows.fetchall())


def test_each_is_given_once_by_each_channel(shop: Shop, sink: MailSink) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            home = await reminded_home(shop, engine, "once", email="li@example.org", channels=("in-app", "email"))
            channels: dict[str, Channel] = {"in-app": InAppChannel(), "email": SmtpChannel(read_smtp_url(sink.url))}
            count = len(occasions_of(await look(engine, home)))
            await give(engine, shop.market.url, channels)
            await give(engine, shop.market.url, channels)
            mine = [each for each in sink.mails if each["to"] == "li@example.org"]
            assert len(mine) == count >= 3
            assert records(shop, home.consumer) == {("in-app", "sent"): count, ("email", "sent"): count}
            mail = mine[0]
            assert mail["from"] == "bills@pay.example"
            assert mail["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
            assert mail["list-unsubscribe"] == f"<https://pay.example/assistant/off?t={home.consumer}>"
            assert "93% of your" in str(mail["subject"]) + mail.get_payload()  # type: ignore[operator]
            # The next threshold is another occasion.
            await home.buy("tea", day_of(0, 1), 200_00, [day_of(1)])
            await give(engine, shop.market.url, channels)
            assert any("111%" in each for each in sink.subjects())
            assert records(shop, home.consumer)[("email", "sent")] == count + 1

    run(main)


def test_quiet_hours_put_it_off_and_off_is_off(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            home = await reminded_home(shop, engine, "quiet", quiet_from=11 * 60, quiet_until=13 * 60)
            await give(engine, shop.market.url, {"in-app": InAppChannel()})
            assert records(shop, home.consumer) == {}
            await engine.submit(ChangeProfile(home.consumer, reminders=False))
            await give(engine, shop.market.url, {"in-app": InAppChannel()}, parse_wall("2026-11-27 13:00"))
            assert records(shop, home.consumer) == {}
            await engine.submit(ChangeProfile(home.consumer, reminders=True))
            await give(engine, shop.market.url, {"in-app": InAppChannel()}, parse_wall("2026-11-27 13:00"))
            assert records(shop, home.consumer)[("in-app", "sent")] >= 3

    run(main)


@pytest.mark.parametrize(
    ("recipient", "end", "first", "then"),
    [
        # Refused for good: not tried again.
        ("550 no such user", "250 taken", "failed", "failed"),
        # Not now: nothing was taken, so it is tried again.
        ("450 later", "250 taken", None, "sent"),
        ("250 ok", "451 later", None, "sent"),
        # The server died after it had read the mail: it may have arrived, so it is not tried again.
        ("250 ok", "", "failed", "failed"),
    ],
)
def test_what_a_mail_server_may_do(
    shop: Shop, sink: MailSink, recipient: str, end: str, first: str | None, then: str
) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            shop.market.execute("UPDATE assistant_profile SET reminders = false")
            code = f"smtp-{secrets.token_hex(3)}"
            home = await reminded_home(shop, engine, code, email="li@example.org", channels=("email",))
            channels: dict[str, Channel] = {"email": SmtpChannel(read_smtp_url(sink.url))}
            sink.recipient, sink.end = recipient, end
            await give(engine, shop.market.url, channels)
            found = records(shop, home.consumer)
            assert set(found) == (set() if first is None else {("email", first)})
            taken = len(sink.mails)
            sink.recipient, sink.end = "250 ok", "250 taken"
            await give(engine, shop.market.url, channels)
            assert set(records(shop, home.consumer)) == {("email", then)}
            assert (len(sink.mails) > taken) is (then == "sent")

    run(main)


def test_a_mail_server_that_is_away_is_tried_again_later(shop: Shop, sink: MailSink) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            shop.market.execute("UPDATE assistant_profile SET reminders = false")
            home = await reminded_home(shop, engine, "away", email="li@example.org", channels=("email",))
            away = SmtpChannel(read_smtp_url("smtp://127.0.0.1:1?from=bills@pay.example"))
            await give(engine, shop.market.url, {"email": away})
            assert records(shop, home.consumer) == {}
            await give(engine, shop.market.url, {"email": SmtpChannel(read_smtp_url(sink.url))})
            assert records(shop, home.consumer)[("email", "sent")] == len(sink.mails) >= 3

    run(main)


def test_killed_again_and_again_it_gives_none_twice(shop: Shop, sink: MailSink, tmp_path: Path) -> None:
    async def main() -> list[str]:
        async with engines(shop.market.url) as [engine]:
            shop.market.execute("UPDATE assistant_profile SET reminders = false")
            people = []
            for number in range(6):
                address = f"p{number}@example.org"
                await reminded_home(shop, engine, f"kill-{number}", email=address, channels=("in-app", "email"))
                people.append(address)
            return people

    people = run(main)
    sink.slow_s = 0.15
    command = [sys.executable, "-m", "assistant.reminding_process", shop.market.url, sink.url, str(tmp_path)]
    for _ in range(4):
        before = len(sink.mails)
        process = subprocess.Popen(command, cwd=Path(__file__).parent.parent, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while len(sink.mails) < before + 2 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(secrets.randbelow(150) / 1000)
        process.kill()
        process.wait()
    sink.slow_s = 0.0
    done = subprocess.run(command, cwd=Path(__file__).parent.parent, check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    came = Counter((str(each["to"]), str(each["subject"])) for each in sink.mails)
    assert set(came.values()) == {1}
    statuses = shop.market.connection.execute(
        "SELECT channel, status, count(*) FROM reminder JOIN assistant_profile USING (cell, consumer_id)"
        " WHERE email = ANY (%s) GROUP BY 1, 2",
        [people],
    ).fetchall()
    counted = {(channel, status): count for channel, status, count in statuses}
    in_app = sum(count for (channel, _), count in counted.items() if channel == "in-app")
    by_mail = sum(count for (channel, _), count in counted.items() if channel == "email")
    assert in_app == by_mail >= 18
    # Whatever was killed between claim and mail is the only loss, at most one a kill.
    assert counted.get(("email", "claimed"), 0) <= 4
    assert ("in-app", "claimed") not in counted
    assert counted[("email", "sent")] <= len(sink.mails) <= by_mail


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example?from=a@b.example",
        "smtp://mail.example",
        "smtp://?from=a@b.example",
        "smtp://mail.example:99999?from=a@b.example",
        "smtp://mail.example?from=a@b.example%0d%0aBcc:x",
    ],
)
def test_malformed_addresses_of_mail_servers(url: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_smtp_url(url)
    assert raised.value.field == "smtp_url"


def test_the_address_of_a_mail_server() -> None:
    server = read_smtp_url("smtps://li:p%40ss@mail.example?from=bills@pay.example")
    assert (server.host, server.port, server.user, server.password) == ("mail.example", 465, "li", "p@ss")
    assert server.tls
    assert "p@ss" not in repr(server)
