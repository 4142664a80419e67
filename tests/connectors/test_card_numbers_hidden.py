"""A card number is nowhere but on the wire: not in a text, an error, a log line, a counter or a book."""

from __future__ import annotations

import pytest
import structlog
from rich.pretty import pretty_repr

from chuanliu.connectors import CardData
from chuanliu.connectors.iso8583 import DIALECTS
from chuanliu.connectors.iso8583.bank_side import read_request
from chuanliu.connectors.iso8583.conversation import Acquirer, write_call
from chuanliu.connectors.iso8583.wire import decode_message
from connectors.bank_rig import PAN, PROTOCOLS, about, authorise, banks, run, until


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_texts_of_what_holds_a_card(protocol: str) -> None:
    dialect = DIALECTS[protocol]
    request = authorise()
    call, octets = write_call(request, 7, dialect, Acquirer())
    message = decode_message(octets[2:], dialect.spec)
    for held in (request, request.card, call, message, read_request(message, dialect)):
        for text in (repr(held), str(held), pretty_repr(held)):
            assert PAN not in text
            assert PAN[:12] not in text


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_logs_counters_and_books(protocol: str, capfd: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()

    async def story() -> None:
        async with banks(protocol) as rig:
            await rig.client.ask(authorise(), 5)
            await rig.client.ask(authorise(card=CardData(PAN + "0", "2912")), 5)
            await rig.client.ask(authorise(card=CardData(PAN, "29123")), 5)
            for fault in ("garbage", "drop_link", "lose_answer"):
                await rig.faults(**{fault: 1000})
                await rig.client.ask(authorise(), 0.1)
            await rig.faults()
            await until(lambda: rig.client.breaker.closed)
            await rig.client.ask(about(authorise(), "inquire"), 5)
            assert PAN not in repr(rig.client.counters)
            assert PAN not in repr(rig.simulator.bank("bank").book.lines)
            assert rig.client.counters.refused == 2

    run(story)
    told = "".join(capfd.readouterr())
    assert "a call that no message can hold" in told
    assert "link lost" in told
    assert PAN not in told
