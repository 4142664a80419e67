"""Conversations of client and simulator over real sockets: every call, and every fault."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from chuanliu.connectors import BankAnswer, CardData, Iso8583Connector, open_connector
from chuanliu.errors import Invalid
from connectors.bank_rig import PROTOCOLS, QUICK, about, again, authorise, banks, run, until

each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)
PATIENCE_S = 5.0


@each_protocol
def test_a_payment_s_whole_life(protocol: str) -> None:
    async def story() -> None:
        async with banks(protocol) as rig:
            payment = authorise()
            granted = await rig.client.ask(payment, PATIENCE_S)
            assert granted.verdict == "succeeded"
            assert granted.reference == "000000000001"
            assert await rig.client.ask(again(payment), PATIENCE_S) == granted
            assert (await rig.client.ask(about(payment, "inquire"), PATIENCE_S)).verdict == "succeeded"

            completion = about(payment, "complete", 10_000)
            assert (await rig.client.ask(completion, PATIENCE_S)).verdict == "succeeded"
            assert (await rig.client.ask(again(completion), PATIENCE_S)).verdict == "succeeded"
            late = await rig.client.ask(about(payment, "reverse"), PATIENCE_S)
            assert (late.verdict, late.reason) == ("refused", "bank_refused")

            refund = about(payment, "refund", 4_000)
            assert (await rig.client.ask(refund, PATIENCE_S)).verdict == "succeeded"
            assert (await rig.client.ask(again(refund), PATIENCE_S)).verdict == "succeeded"
            too_much = await rig.client.ask(about(payment, "refund", 6_001), PATIENCE_S)
            assert (too_much.verdict, too_much.reason) == ("refused", "bank_refused")
            assert (await rig.client.ask(about(refund, "inquire"), PATIENCE_S)).verdict == "succeeded"

            (line,) = rig.simulator.bank("bank").book.lines.values()
            assert (line.state, line.amount_minor, line.refunded_minor) == ("completed", 10_000, 4_000)
            assert line.instalments == 12
            assert rig.client.counters.connected == 1

    run(story)


@each_protocol
def test_a_reversal_that_is_faster_than_its_authorisation_fences_it(protocol: str) -> None:
    async def story() -> None:
        async with banks(protocol) as rig:
            payment = authorise()
            assert (await rig.client.ask(about(payment, "reverse"), PATIENCE_S)).verdict == "succeeded"
            assert (await rig.client.ask(payment, PATIENCE_S)).verdict == "refused"
            assert rig.state(payment) is None

    run(story)


@each_protocol
@pytest.mark.parametrize(
    ("amount_minor", "pan", "reason"),
    [
        (4_040_451, "6222021234567890123", "card_funds_insufficient"),
        (4_040_461, "6222021234567890123", "card_limit_exceeded"),
        (100, "6222024040540000000", "card_expired"),
        (100, "6222024040430000", "card_stolen_or_lost"),
        (100, "6222029999990000", "card_not_allowed"),
    ],
)
def test_magic_amounts_and_cards_are_declined(protocol: str, amount_minor: int, pan: str, reason: str) -> None:
    async def story() -> None:
        async with banks(protocol) as rig:
            bank = rig.simulator.bank("bank")
            bank.declines[bank.holder_of("6222029999990000")] = "57"
            payment = authorise(amount_minor, card=CardData(pan, "2912"))
            answer = await rig.client.ask(payment, PATIENCE_S)
            assert (answer.verdict, answer.reason) == ("refused", reason)
            told = await rig.client.ask(about(payment, "inquire"), PATIENCE_S)
            assert (told.verdict, told.reason) == ("refused", reason)

    run(story)


@each_protocol
def test_an_answer_that_is_lost(protocol: str) -> None:
    async def story() -> None:
        async with banks(protocol, lose_answer=1000) as rig:
            payment = authorise()
            assert await rig.client.ask(payment, 0.1) == BankAnswer("unknown", "bank_no_answer")
            await rig.faults()
            assert (await rig.client.ask(about(payment, "inquire"), PATIENCE_S)).verdict == "succeeded"
            assert (await rig.client.ask(about(payment, "reverse"), PATIENCE_S)).verdict == "succeeded"
            told = await rig.client.ask(about(payment, "inquire"), PATIENCE_S)
            assert told.verdict == "refused"
            assert rig.state(payment) == "reversed"

    run(story)


@each_protocol
def test_an_answer_that_is_late(protocol: str) -> None:
    async def story() -> None:
        async with banks(protocol, late=1000, late_ms=200) as rig:
            payment = authorise()
            assert (await rig.client.ask(payment, 0.05)).verdict == "unknown"
            await rig.faults()
            await until(lambda: rig.client.counters.late == 1)
            assert (await rig.client.ask(about(payment, "inquire"), PATIENCE_S)).verdict == "succeeded"
            assert rig.client.counters.lost == 0

    run(story)


@each_protocol
def test_an_answer_that_comes_twice(protocol: str) -> None:
    async def story() -> None:
        async with banks(protocol, twice=1000) as rig:
            answers = await asyncio.gather(*(rig.client.ask(authorise(), PATIENCE_S) for _ in range(20)))
            assert {answer.verdict for answer in answers} == {"succeeded"}
            await until(lambda: rig.client.counters.duplicate == 20)
            assert rig.client.counters.unmatched == 0

    run(story)


@each_protocol
def test_a_link_that_drops_before_or_after_the_ruling(protocol: str) -> None:
    async def story() -> None:
        patient = msgspec.structs.replace(QUICK, failures_max=1000)
        async with banks(protocol, settings=patient) as rig:
            states = set()
            for _ in range(30):
                await rig.faults(drop_link=1000)
                payment = authorise()
                assert await rig.client.ask(payment, PATIENCE_S) == BankAnswer("unknown", "bank_no_answer")
                await rig.faults()
                told = await rig.client.ask(about(payment, "inquire"), PATIENCE_S)
                assert told.verdict == ("refused" if rig.state(payment) is None else "succeeded")
                states.add(rig.state(payment))
            assert states == {None, "authorised"}
            assert rig.client.counters.connected == 31

    run(story)


@each_protocol
def test_garbage_ends_the_link_and_nothing_else(protocol: str) -> None:
    async def story() -> None:
        patient = msgspec.structs.replace(QUICK, failures_max=1000)
        async with banks(protocol, "mad", "sane", settings=patient) as rig:
            await rig.faults("mad", latency_ms=200)
            waiting = [asyncio.ensure_future(rig.clients["mad"].ask(authorise(), PATIENCE_S)) for _ in range(5)]
            await until(lambda: rig.clients["mad"].counters.sent == 5)
            await rig.faults("mad", garbage=1000)
            assert (await rig.clients["mad"].ask(authorise(), PATIENCE_S)).reason == "bank_answer_invalid"
            for answer in await asyncio.gather(*waiting):
                assert answer == BankAnswer("unknown", "bank_answer_invalid")
            assert rig.clients["mad"].counters.garbage == 1
            for _ in range(10):
                assert (await rig.clients["mad"].ask(authorise(), PATIENCE_S)).verdict == "unknown"
                assert (await rig.clients["sane"].ask(authorise(), PATIENCE_S)).verdict == "succeeded"
            await rig.faults("mad")
            assert (await rig.clients["mad"].ask(authorise(), PATIENCE_S)).verdict == "succeeded"

    run(story)


@each_protocol
def test_a_busy_bank_has_done_nothing_but_does_not_say_so(protocol: str) -> None:
    async def story() -> None:
        async with banks(protocol, busy=1000) as rig:
            payment = authorise()
            answer = await rig.client.ask(payment, PATIENCE_S)
            assert (answer.verdict, answer.reason) == ("unknown", "bank_outcome_unknown")
            asked = await rig.client.ask(about(payment, "inquire"), PATIENCE_S)
            assert (asked.verdict, asked.reason) == ("unknown", "bank_outcome_unknown")
            await rig.faults()
            told = await rig.client.ask(about(payment, "inquire"), PATIENCE_S)
            assert (told.verdict, told.reason) == ("refused", "bank_call_not_found")

    run(story)


@each_protocol
def test_declines_by_fault(protocol: str) -> None:
    async def story() -> None:
        async with banks(protocol, decline=1000, decline_code="61") as rig:
            payment = authorise()
            assert (await rig.client.ask(payment, PATIENCE_S)).reason == "card_limit_exceeded"
            await rig.faults()
            assert (await rig.client.ask(again(payment), PATIENCE_S)).reason == "card_limit_exceeded"

    run(story)


@each_protocol
def test_an_outage_refuses_and_drops_until_it_is_over(protocol: str) -> None:
    async def story() -> None:
        async with banks(protocol, latency_ms=100) as rig:
            waiting = asyncio.ensure_future(rig.client.ask(authorise(), PATIENCE_S))
            await until(lambda: rig.client.counters.sent == 1)
            await rig.faults(outage=True)
            assert (await waiting).verdict == "unknown"
            refused = await rig.client.ask(authorise(), PATIENCE_S)
            assert refused == BankAnswer("refused", "bank_unavailable")
            assert await rig.client.ask(again(authorise()), PATIENCE_S) == BankAnswer("unknown", "bank_unavailable")
            assert await rig.client.ask(about(authorise(), "reverse"), 1) == BankAnswer("unknown", "bank_unavailable")
            await until(lambda: not rig.client.breaker.closed)
            await rig.faults()
            await until(lambda: rig.client.breaker.closed)
            assert (await rig.client.ask(authorise(), PATIENCE_S)).verdict == "succeeded"

    run(story)


@each_protocol
def test_every_fault_at_once_and_every_call_ends_as_the_books_have_it(protocol: str) -> None:
    plan = {"late": 60, "twice": 60, "lose_answer": 60, "drop_link": 10, "garbage": 10, "busy": 60, "decline": 60}
    # A link that drops takes all that is in flight with it.
    together = 16

    async def story() -> None:
        patient = msgspec.structs.replace(QUICK, failures_max=1000)
        async with banks(protocol, settings=patient, late_ms=300, latency_ms=2, **plan) as rig:
            room = asyncio.Semaphore(together)

            async def settled(number: int) -> str:
                async with room:
                    return await settle(number)

            async def settle(number: int) -> str:
                payment = authorise(100 + number)
                answer = await rig.client.ask(payment, 0.2)
                while answer.verdict == "unknown":
                    await asyncio.sleep(0.01)
                    answer = await rig.client.ask(about(payment, "inquire"), 0.2)
                assert (rig.state(payment) == "authorised") is (answer.verdict == "succeeded")
                return answer.verdict

            verdicts = await asyncio.gather(*map(settled, range(300)))
            assert set(verdicts) == {"succeeded", "refused"}

    run(story)


@pytest.mark.parametrize(
    ("connector", "endpoint", "field"),
    [
        ("smoke-signals", "127.0.0.1:1", "connector"),
        ("iso8583-1987", "127.0.0.1", "endpoint"),
        ("iso8583-1987", ":99", "endpoint"),
        ("iso8583-1987", "bank:0", "endpoint"),
        ("iso8583-1987", "bank:70000", "endpoint"),
        ("iso8583-1987", "bank:x", "endpoint"),
        ("iso8583-1987", "::1:99", "endpoint"),
    ],
)
def test_a_wrong_endpoint_is_named(connector: str, endpoint: str, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        open_connector(connector, endpoint)
    assert refusal.value.field == field


def test_an_endpoint_may_be_an_ipv6_address() -> None:
    assert isinstance(open_connector("iso8583-1993", "[::1]:99"), Iso8583Connector)
