"""Many calls at once, banks that die, hang or babble, and the breaker."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from chuanliu.connectors import BankAnswer, Iso8583Connector, LinkSettings, Ruling, open_connector
from chuanliu.connectors.iso8583 import DIALECTS
from chuanliu.connectors.iso8583.bank_side import is_network, write_ruling
from chuanliu.connectors.iso8583.conversation import answer_network, write_network
from chuanliu.connectors.iso8583.wire import Framer, Message, decode_message
from connectors.bank_rig import AT, PROTOCOLS, QUICK, about, again, authorise, banks, run, until

DIALECT = DIALECTS["iso8583-1987"]
Answering = Callable[[Message, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def odd_bank(
    answering: Answering, settings: LinkSettings = QUICK, signs_on: bool = True
) -> AsyncIterator[Iso8583Connector]:
    """A bank of a few lines: it signs on and echoes, and does with calls what the test wants."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer = Framer()
        while data := await reader.read(65536):
            for octets in framer.feed(data):
                message = decode_message(octets, DIALECT.spec)
                if not is_network(message, DIALECT):
                    await answering(message, writer)
                elif signs_on:
                    writer.write(answer_network(message, DIALECT))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = open_connector(DIALECT.name, f"127.0.0.1:{port}", settings)
    assert isinstance(client, Iso8583Connector)
    try:
        yield client
    finally:
        await client.close()
        server.close()


def approval(message: Message) -> bytes:
    return write_ruling(message, "authorise", Ruling(True, "00", "000000000009"), DIALECT)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_500_calls_at_once_each_get_their_own_answer(protocol: str) -> None:
    """The audit numbers of half of them clash, and the bank answers in any order."""

    async def story() -> None:
        async with banks(protocol, latency_ms=5) as rig:
            bank = rig.simulator.bank("bank")
            first = authorise().call_id
            payments = [authorise(1000 + n, call_id=first + n // 2 + n % 2 * 999_999) for n in range(500)]
            answers = await asyncio.gather(*(rig.client.ask(payment, 20) for payment in payments))
            for payment, answer in zip(payments, answers, strict=True):
                line = bank.book.lines[payment.call_id]
                assert (answer.verdict, answer.reference) == ("succeeded", line.reference)
                assert line.amount_minor == payment.amount_minor
            assert rig.client.counters.connected == 1
            assert rig.client.in_flight == 0

    run(story)


def test_calls_over_the_limit_are_not_sent() -> None:
    async def story() -> None:
        few = msgspec.structs.replace(QUICK, in_flight_max=10)
        async with banks("iso8583-1987", settings=few, latency_ms=50) as rig:
            answers = await asyncio.gather(*(rig.client.ask(authorise(), 5) for _ in range(25)))
            verdicts = [(answer.verdict, answer.reason) for answer in answers]
            assert verdicts.count(("succeeded", None)) == 10
            assert verdicts.count(("refused", "bank_unavailable")) == 15
            assert rig.client.counters.sent == 10
            assert len(rig.simulator.bank("bank").book.lines) == 10

    run(story)


def test_answers_in_another_order_find_their_calls() -> None:
    async def story() -> None:
        held: list[Message] = []

        async def backwards(message: Message, writer: asyncio.StreamWriter) -> None:
            held.append(message)
            if len(held) == 50:
                writer.write(b"".join(map(answer_of, reversed(held))))

        def answer_of(message: Message) -> bytes:
            return write_ruling(message, "authorise", Ruling(True, "00", message.fields["4"]), DIALECT)

        async with odd_bank(backwards) as client:
            answers = await asyncio.gather(*(client.ask(authorise(n), 5) for n in range(50)))
            assert [answer.reference for answer in answers] == [f"{n:012d}" for n in range(50)]

    run(story)


def test_an_answer_with_the_right_number_and_the_wrong_call_is_not_taken() -> None:
    async def story() -> None:
        async def lying(message: Message, writer: asyncio.StreamWriter) -> None:
            other = {**message.fields, "48": "010190000000000000000001"}
            writer.write(approval(Message(message.mti, other)))
            writer.write(approval(Message("0200", message.fields)))

        async with odd_bank(lying) as client:
            assert await client.ask(authorise(), 0.2) == BankAnswer("unknown", "bank_no_answer")
            assert client.counters.unmatched == 2
            assert client.counters.lost == 0

    run(story)


def test_a_bank_that_echoes_first_is_answered() -> None:
    async def story() -> None:
        heard: list[str] = []

        async def asking(message: Message, writer: asyncio.StreamWriter) -> None:
            if message.mti == "0810":
                heard.append(message.fields["39"])
                return
            writer.write(write_network("echo", 77, AT, DIALECT) + approval(message))

        async with odd_bank(asking) as client:
            assert (await client.ask(authorise(), 5)).verdict == "succeeded"
            await until(lambda: heard == ["00"])

    run(story)


@pytest.mark.parametrize(
    "octets",
    [b"\xff\xff\xff", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\x0e" + b"0110" + b"\xff" * 10, b"\x00\x01\x00"],
)
def test_octets_that_are_no_message_end_the_link(octets: bytes) -> None:
    async def story() -> None:
        async def babbling(message: Message, writer: asyncio.StreamWriter) -> None:
            writer.write(octets)

        async with odd_bank(babbling) as client:
            assert await client.ask(authorise(), 5) == BankAnswer("unknown", "bank_answer_invalid")
            assert client.counters.garbage == 1

    run(story)


def test_the_breaker_opens_and_an_echo_closes_it() -> None:
    async def story() -> None:
        silent = True

        async def answering(message: Message, writer: asyncio.StreamWriter) -> None:
            if not silent:
                writer.write(approval(message))

        calm = msgspec.structs.replace(QUICK, open_s=0.3)
        async with odd_bank(answering, calm) as client:
            for _ in range(3):
                assert client.breaker.closed
                assert (await client.ask(authorise(), 0.02)).verdict == "unknown"
            assert not client.breaker.closed
            started = time.monotonic()
            assert await client.ask(authorise(), 5) == BankAnswer("refused", "bank_unavailable")
            assert await client.ask(again(authorise()), 5) == BankAnswer("unknown", "bank_unavailable")
            for kind in ("complete", "refund", "reverse", "inquire"):
                assert await client.ask(about(authorise(), kind), 5) == BankAnswer("unknown", "bank_unavailable")
            assert time.monotonic() - started < 0.3
            assert (client.counters.sent, client.counters.opened) == (3, 1)
            silent = False
            await until(lambda: client.breaker.closed)
            assert client.counters.echoes == 1
            assert (await client.ask(authorise(), 5)).verdict == "succeeded"

    run(story)


def test_a_bank_that_does_not_sign_on_is_unavailable() -> None:
    async def story() -> None:
        async def never(message: Message, writer: asyncio.StreamWriter) -> None:
            raise AssertionError("a call before the sign-on")

        hasty = msgspec.structs.replace(QUICK, connect_s=0.05)
        async with odd_bank(never, hasty, signs_on=False) as client:
            assert await client.ask(authorise(), 5) == BankAnswer("refused", "bank_unavailable")
            await until(lambda: not client.breaker.closed)
            assert client.counters.connect_failed >= 3

    run(story)


def test_an_idle_link_is_kept_by_echoes_and_dropped_without() -> None:
    async def story() -> None:
        async def answering(message: Message, writer: asyncio.StreamWriter) -> None:
            writer.write(approval(message))

        restless = msgspec.structs.replace(QUICK, echo_idle_s=0.05)
        async with odd_bank(answering, restless) as client:
            assert (await client.ask(authorise(), 5)).verdict == "succeeded"
            await until(lambda: client.counters.echoes >= 3)
            assert client.counters.lost == 0

    run(story)


def test_a_slow_bank_delays_no_other() -> None:
    async def story() -> None:
        async with banks("iso8583-1987", "slow", "quick") as rig:
            assert (await rig.clients["slow"].ask(authorise(), 5)).verdict == "succeeded"
            await rig.faults("slow", latency_ms=3000)
            waiting = [asyncio.ensure_future(rig.clients["slow"].ask(authorise(), 0.9)) for _ in range(200)]
            await until(lambda: rig.clients["slow"].counters.sent == 201)
            answers = [await rig.clients["quick"].ask(authorise(), 0.8) for _ in range(20)]
            assert {answer.verdict for answer in answers} == {"succeeded"}
            assert rig.clients["slow"].counters.answered == 1
            assert {answer.verdict for answer in await asyncio.gather(*waiting)} == {"unknown"}

    run(story)


def test_who_waits_when_the_client_is_closed_is_told() -> None:
    async def story() -> None:
        async with banks("iso8583-1993") as rig:
            assert (await rig.client.ask(authorise(), 5)).verdict == "succeeded"
            await rig.faults(latency_ms=5000)
            waiting = asyncio.ensure_future(rig.client.ask(authorise(), 30))
            await until(lambda: rig.client.counters.sent == 2)
            await rig.client.close()
            assert await waiting == BankAnswer("unknown", "bank_no_answer")
            assert await rig.client.ask(authorise(), 5) == BankAnswer("refused", "bank_unavailable")

    run(story)


def test_a_call_that_is_given_up_leaves_nothing_behind() -> None:
    async def story() -> None:
        async with banks("iso8583-1993", latency_ms=100) as rig:
            waiting = asyncio.ensure_future(rig.client.ask(authorise(), 0.3))
            await until(lambda: rig.client.counters.sent == 1)
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
            await until(lambda: rig.client.counters.answered == 1)
            assert rig.client.in_flight == 0
            assert (await rig.client.ask(authorise(), 5)).verdict == "succeeded"

    run(story)
