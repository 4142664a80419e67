"""Platform and simulated bank over real sockets: the life of a payment, and every fault."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psutil
import pytest
from credit_pay_bank import CODE, PARTIES, STRANGER, always, call, client_at, pair, raw_bank, run, simulated

from chuanliu.connectors import (
    BankAnswer,
    Breaker,
    CreditPayConnector,
    CreditPayLimits,
    FaultPlan,
    SigningKey,
    open_connector,
)
from chuanliu.errors import Invalid


def said(answer: BankAnswer) -> tuple[str, str | None]:
    return answer.verdict, answer.reason


async def until(true: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 10
    while not true():
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.01)


def test_the_life_of_a_payment() -> None:
    async def story() -> None:
        async with pair() as (simulator, client):
            authorised = await client.ask(call("authorise", 1), 5)
            assert said(authorised) == ("succeeded", None)
            assert authorised.reference
            assert await client.ask(call("authorise", 1, attempt=2), 5) == authorised
            assert said(await client.ask(call("complete", 2, 1, 100_000), 5)) == ("succeeded", None)
            assert said(await client.ask(call("refund", 3, 1, 60_000), 5)) == ("succeeded", None)
            assert said(await client.ask(call("refund", 4, 1, 60_000), 5)) == ("refused", "bank_refused")
            assert said(await client.ask(call("inquire", 5, 3), 5)) == ("succeeded", None)
            assert said(await client.ask(call("inquire", 6, 4), 5)) == ("refused", "bank_refused")
            assert said(await client.ask(call("inquire", 7, 77), 5)) == ("refused", "bank_call_not_found")
            line = simulator.banks[CODE].book.lines[1]
            assert (line.state, line.amount_minor, line.refunded_minor, line.instalments) == (
                "completed",
                100_000,
                60_000,
                12,
            )

    run(story())


def test_what_was_reversed_before_it_came_does_not_succeed_later() -> None:
    async def story() -> None:
        async with pair() as (simulator, client):
            assert said(await client.ask(call("reverse", 2, 1), 5)) == ("succeeded", None)
            assert said(await client.ask(call("authorise", 1), 5)) == ("refused", "bank_refused")
            assert simulator.banks[CODE].book.lines == {}

    run(story())


@pytest.mark.parametrize(
    ("iso_code", "reason", "raw"),
    [
        ("51", "credit_line_insufficient", "line_insufficient"),
        ("62", "credit_line_suspended", "line_suspended"),
        ("05", "bank_refused", "risk_refused"),
        ("91", "bank_unavailable", "bank_unavailable"),
    ],
)
def test_declines(iso_code: str, reason: str, raw: str) -> None:
    async def story() -> None:
        async with pair(always("decline", decline_code=iso_code)) as (simulator, client):
            answer = await client.ask(call("authorise", 1), 5)
            assert answer == BankAnswer("refused", reason, None, raw)
            assert simulator.banks[CODE].book.lines == {}

    run(story())


@pytest.mark.parametrize(
    ("plan", "verdict", "reason"),
    [
        (always("late", late_ms=60_000), "unknown", "bank_no_answer"),
        (always("lose_answer"), "unknown", "bank_no_answer"),
        (always("drop_link"), "unknown", "bank_no_answer"),
        (always("garbage"), "unknown", "bank_answer_invalid"),
        (always("twice"), "succeeded", None),
        (FaultPlan(latency_ms=50), "succeeded", None),
    ],
)
def test_each_fault_and_what_an_inquiry_finds(plan: FaultPlan, verdict: str, reason: str | None) -> None:
    async def story() -> None:
        async with pair(plan) as (simulator, client):
            for number in range(1, 9):
                answer = await client.ask(call("authorise", number), 0.3 if plan.late else 5)
                assert said(answer) == (verdict, reason)
            await simulator.set_faults(CODE, FaultPlan())
            book = simulator.banks[CODE].book
            for number in range(1, 9):
                found = await client.ask(call("inquire", 100 + number, number), 5)
                assert found.verdict == ("succeeded" if number in book.lines else "refused")
            # A link may be dropped before or after the bank has ruled; all else was ruled on.
            assert len(book.lines) == 8 or plan.drop_link

    run(story())


def test_a_bank_that_is_busy_did_nothing() -> None:
    async def story() -> None:
        async with pair(always("busy")) as (simulator, client):
            assert await client.ask(call("authorise", 1), 5) == BankAnswer("refused", "bank_unavailable", None, "busy")
            again = await client.ask(call("authorise", 1, attempt=2), 5)
            assert again == BankAnswer("unknown", "bank_unavailable", None, "busy")
            assert said(await client.ask(call("inquire", 2, 1), 5)) == ("unknown", "bank_unavailable")
            assert simulator.banks[CODE].book.lines == {}

    run(story())


def test_an_outage_refuses_what_was_not_sent_and_ends() -> None:
    limits = CreditPayLimits(breaker=Breaker(failures_max=2, open_s=0.2, open_s_max=0.2))

    async def story() -> None:
        async with simulated() as simulator, client_at(simulator.ports[CODE], limits) as client:
            assert said(await client.ask(call("authorise", 1), 5)) == ("succeeded", None)
            await simulator.set_faults(CODE, FaultPlan(outage=True))
            for number in (2, 3, 4):
                assert said(await client.ask(call("authorise", number), 5)) == ("refused", "bank_unavailable")
            assert said(await client.ask(call("authorise", 1, attempt=2), 5)) == ("unknown", "bank_unavailable")
            assert said(await client.ask(call("inquire", 5, 2), 5)) == ("unknown", "bank_unavailable")
            await simulator.set_faults(CODE, FaultPlan())
            ends_at = time.monotonic() + 10
            while said(await client.ask(call("authorise", 6), 5)) != ("succeeded", None):
                assert time.monotonic() < ends_at
                await asyncio.sleep(0.02)
            assert set(simulator.banks[CODE].book.lines) == {1, 6}

    run(story())


def test_an_outage_drops_calls_under_way() -> None:
    async def story() -> None:
        async with pair(FaultPlan(latency_ms=30_000)) as (simulator, client):
            asking = asyncio.create_task(client.ask(call("authorise", 1), 20))
            await until(lambda: simulator.banks[CODE].counts["none"] > 1)
            await simulator.set_faults(CODE, FaultPlan(outage=True))
            assert said(await asking) == ("unknown", "bank_no_answer")

    run(story())


def test_an_open_breaker_asks_for_health_before_a_payment_is_risked() -> None:
    limits = CreditPayLimits(breaker=Breaker(failures_max=1, open_s=0.0, open_s_max=0.0))

    async def story() -> None:
        async with simulated() as simulator, client_at(simulator.ports[CODE], limits) as client:
            await simulator.set_faults(CODE, always("lose_answer"))
            assert said(await client.ask(call("authorise", 1), 5)) == ("unknown", "bank_no_answer")
            await simulator.set_faults(CODE, FaultPlan(outage=True))
            assert said(await client.ask(call("authorise", 2), 5)) == ("refused", "bank_unavailable")
            await simulator.set_faults(CODE, FaultPlan())
            assert said(await client.ask(call("authorise", 3), 5)) == ("succeeded", None)
            assert set(simulator.banks[CODE].book.lines) == {1, 3}

    run(story())


@pytest.mark.parametrize(
    "wrong",
    [
        {"bank": "OTHER"},
        {"key": SigningKey("p1", STRANGER.private)},
        {"key": SigningKey("p2", STRANGER.private)},
        {"bank_keys": {"b1": STRANGER.public}},
        {"bank_keys": {}},
    ],
)
def test_keys_that_do_not_fit_are_found_before_the_first_payment(wrong: dict[str, Any]) -> None:
    async def story() -> None:
        async with simulated() as simulator:
            async with client_at(simulator.ports[CODE], parties=replace(PARTIES, **wrong)) as client:
                assert not await client.healthy(5)
                assert said(await client.ask(call("authorise", 1), 5)) == ("refused", "bank_unavailable")
            assert simulator.banks[CODE].book.lines == {}

    run(story())


@pytest.mark.parametrize("endpoint", ["", "bank.example", "ftp://bank.example", "http://", "https://b.example/?a=b"])
def test_endpoints_that_are_none(endpoint: str) -> None:
    async def story() -> None:
        with pytest.raises(Invalid, match="endpoint"):
            open_connector("credit-pay", endpoint, parties=PARTIES)
        with pytest.raises(Invalid, match="parties"):
            open_connector("credit-pay", "https://bank.example")

    run(story())


def test_a_call_that_does_not_fit_the_contract_is_not_sent() -> None:
    async def story() -> None:
        async with pair() as (simulator, client):
            assert said(await client.ask(call("complete", 1), 5)) == ("unknown", "invalid_parameter")
            assert said(await client.ask(call("refund", 1, 2, amount_minor=0), 5)) == ("unknown", "invalid_parameter")
            assert simulator.banks[CODE].counts["none"] == 1

    run(story())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\x00" * 50,
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 200_000,
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\ncontent-length: 15\r\n\r\n" + b'{"code":"busy"}',
        b'HTTP/1.1 401 No\r\ncontent-length: 28\r\n\r\n{"code":"signature_invalid"}',
    ],
)
def test_rubbish_is_never_believed(raw: bytes) -> None:
    async def story() -> None:
        server, port = await raw_bank(raw)
        async with server, client_at(port) as client:
            assert (await client.ask(call("authorise", 1), 5)).verdict == "unknown"

    run(story())


def test_a_silent_bank_is_left_at_the_deadline() -> None:
    async def story() -> None:
        server, port = await raw_bank(None)
        async with server, client_at(port) as client:
            assert said(await asyncio.wait_for(client.ask(call("authorise", 1), 0.3), 5)) == (
                "unknown",
                "bank_no_answer",
            )

    run(story())


def test_a_port_that_nobody_listens_on(free_port: int) -> None:
    async def story() -> None:
        async with client_at(free_port) as client:
            assert said(await client.ask(call("authorise", 1), 5)) == ("refused", "bank_unavailable")
            assert said(await client.ask(call("authorise", 1, attempt=2), 5)) == ("unknown", "bank_unavailable")
            assert said(await client.ask(call("reverse", 2, 1), 5)) == ("unknown", "bank_unavailable")
            assert said(await client.ask(call("inquire", 3, 1), 5)) == ("unknown", "bank_unavailable")

    run(story())


def test_what_waits_for_a_place_is_bounded_and_refused_in_time() -> None:
    limits = CreditPayLimits(in_flight_max=2, waiting_max=3, breaker=Breaker(failures_max=1000))

    async def story() -> None:
        async with simulated() as simulator, client_at(simulator.ports[CODE], limits) as client:
            assert await client.healthy(5)
            await simulator.set_faults(CODE, always("late", late_ms=2_000))
            answers = await asyncio.gather(*(client.ask(call("authorise", n), 1.0) for n in range(1, 11)))
            assert (
                sorted(said(answer) for answer in answers)
                == [("refused", "bank_unavailable")] * 8 + [("unknown", "bank_no_answer")] * 2
            )
            assert len(simulator.banks[CODE].book.lines) == 2

    run(story())


def test_connections_are_kept() -> None:
    async def story() -> None:
        async with pair() as (simulator, client):
            for number in range(1, 30):
                assert (await client.ask(call("authorise", number), 5)).verdict == "succeeded"
            assert socket_peers().count(simulator.ports[CODE]) == 1

    run(story())


def socket_peers() -> list[int]:
    """Remote ports of this process's connections to loopback."""
    return [c.raddr.port for c in psutil.Process().net_connections("tcp4") if c.raddr and c.status == "ESTABLISHED"]


def test_closing_tells_who_waits() -> None:
    async def story() -> None:
        async with pair(FaultPlan(latency_ms=30_000)) as (simulator, client):
            asking = asyncio.create_task(client.ask(call("authorise", 1), 20))
            await until(lambda: simulator.banks[CODE].counts["none"] > 1)
            await client.close()
            assert said(await asyncio.wait_for(asking, 5)) == ("unknown", "bank_no_answer")
            assert said(await client.ask(call("authorise", 2), 5)) == ("refused", "bank_unavailable")

    run(story())


def test_all_faults_at_once_leave_both_books_the_same() -> None:
    plan = FaultPlan(
        late_ms=4_000, decline=100, late=100, twice=100, lose_answer=100, drop_link=100, garbage=100, busy=100
    )

    async def settle(client: CreditPayConnector, number: int, places: asyncio.Semaphore) -> str:
        async with places:
            answer = await client.ask(call("authorise", number), 2)
            for attempt in range(1, 60):
                if answer.verdict != "unknown":
                    return answer.verdict
                answer = await client.ask(call("inquire", 1_000_000 + number * 100 + attempt, number), 2)
                if answer.reason == "bank_call_not_found":
                    answer = await client.ask(call("authorise", number, attempt=1 + attempt), 2)
            raise AssertionError("not settled")

    async def story() -> None:
        async with pair(plan) as (simulator, client):
            places = asyncio.Semaphore(32)
            verdicts = await asyncio.gather(*(settle(client, n, places) for n in range(1, 201)))
            book = simulator.banks[CODE].book
            assert {n for n, verdict in enumerate(verdicts, 1) if verdict == "succeeded"} == set(book.lines)
            assert 50 < len(book.lines) < 200
            assert all(simulator.banks[CODE].counts[fault] for fault, _ in plan.shares)

    run(story())


def test_sockets_do_not_leak() -> None:
    async def story() -> None:
        async with pair(always("lose_answer")) as (simulator, client):
            for number in range(1, 20):
                await client.ask(call("authorise", number), 5)
            assert socket_peers().count(simulator.ports[CODE]) <= 1
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", simulator.ports[CODE]), 1)

    run(story())
