"""The octets of both editions: golden messages, round trips, and whatever else may come down a wire."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import iso8583
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.connectors import BankAnswer, BankRequest, CardData, Ruling
from chuanliu.connectors.iso8583 import DIALECTS
from chuanliu.connectors.iso8583.bank_side import FORMAT_ERROR, read_request, write_ruling
from chuanliu.connectors.iso8583.conversation import (
    Acquirer,
    answer_network,
    is_answer_to,
    nominal_stan,
    read_answer,
    write_call,
    write_network,
)
from chuanliu.connectors.iso8583.private_field import cut_text, read_private, write_private
from chuanliu.connectors.iso8583.wire import MESSAGE_BYTES_MAX, Framer, Message, decode_message, encode_message
from chuanliu.errors import CODES, ChuanliuError, Invalid
from connectors.bank_rig import AT, PAN, PROTOCOLS, authorise

GOLDEN: Final = Path(__file__).parent / "golden"
US: Final = Acquirer()
CALL: Final = 123_456_789_012_345_678
LATER: Final = AT + 3_600_000_000
AUTHORISE: Final = authorise(call_id=CALL)
PLAIN: Final = authorise(
    1, call_id=1, card=None, account="6230-1", currency="JPY", instalments=0, plan="", category="", order_no=""
)


def follow_up(kind: str, attempt: int = 1) -> BankRequest:
    return authorise(
        10_000,
        kind=kind,
        call_id=CALL + 1,
        original_call_id=CALL,
        original_sent_at=AT,
        sent_at=LATER,
        attempt=attempt,
        card=None,
        instalments=0,
        plan="",
    )


MESSAGES: Final[dict[str, BankRequest]] = {
    "authorise": AUTHORISE,
    "authorise again": authorise(call_id=CALL, attempt=2),
    "authorise an account": PLAIN,
    "complete": follow_up("complete"),
    "complete again": follow_up("complete", 2),
    "refund": follow_up("refund"),
    "reverse": follow_up("reverse"),
    "reverse again": follow_up("reverse", 3),
    "inquire": follow_up("inquire"),
}


def made(protocol: str, name: str) -> bytes:
    request = MESSAGES[name]
    return write_call(request, nominal_stan(request.call_id), DIALECTS[protocol], US)[1]


def golden(protocol: str) -> dict[str, bytes]:
    lines = (GOLDEN / f"{protocol}.txt").read_text(encoding="utf-8").splitlines()
    return {name: bytes.fromhex(octets) for name, octets in (line.split(": ") for line in lines)}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", MESSAGES)
def test_messages_are_octet_for_octet_what_is_documented(protocol: str, name: str) -> None:
    assert made(protocol, name).hex() == golden(protocol)[name].hex()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", MESSAGES)
def test_the_bank_reads_what_was_asked(protocol: str, name: str) -> None:
    request = MESSAGES[name]
    asked = read_request(decode_message(golden(protocol)[name][2:], DIALECTS[protocol].spec), DIALECTS[protocol])
    assert (asked.kind, asked.call_id, asked.amount_minor, asked.currency) == (
        request.kind,
        request.call_id,
        request.amount_minor,
        request.currency,
    )
    assert (asked.original_call_id, asked.instalments) == (request.original_call_id, request.instalments)
    assert asked.holder == (request.card.pan if request.card else request.account or "")


@pytest.mark.parametrize(
    ("protocol", "kind", "sent", "answered"),
    [
        ("iso8583-1987", "sign_on", "0800", "0810"),
        ("iso8583-1987", "sign_off", "0800", "0810"),
        ("iso8583-1987", "echo", "0800", "0810"),
        ("iso8583-1993", "sign_on", "1804", "1814"),
        ("iso8583-1993", "sign_off", "1804", "1814"),
        ("iso8583-1993", "echo", "1804", "1814"),
    ],
)
def test_network_messages(protocol: str, kind: str, sent: str, answered: str) -> None:
    dialect = DIALECTS[protocol]
    octets = write_network(kind, 7, AT, dialect)
    assert octets.hex() == golden(protocol)[kind].hex()
    asked = decode_message(octets[2:], dialect.spec)
    answer = decode_message(answer_network(asked, dialect)[2:], dialect.spec)
    assert (asked.mti, answer.mti) == (sent, answered)
    assert answer.fields["11"] == "000007"
    assert answer.fields["39"] == dialect.network_approved


PRINTABLE: Final = st.text(max_size=80)
REQUESTS: Final = st.builds(
    BankRequest,
    kind=st.sampled_from(["authorise", "complete", "refund", "reverse", "inquire"]),
    call_id=st.integers(1, 2**63 - 1),
    amount_minor=st.integers(0, 10**12 - 1),
    currency=st.sampled_from(["CNY", "JPY", "KWD", "AUD"]),
    sent_at=st.integers(0, 4_000_000_000_000_000),
    attempt=st.integers(1, 5),
    original_call_id=st.integers(1, 2**63 - 1),
    original_sent_at=st.none() | st.integers(0, 4_000_000_000_000_000),
    card=st.none() | st.builds(CardData, st.integers(10**11, 10**19 - 1).map(str), st.just("3012")),
    instalments=st.integers(0, 99),
    plan=PRINTABLE,
    merchant_id=st.integers(0, 2089 * 10**12),
    merchant_name=PRINTABLE,
    category=st.sampled_from(["", "5411"]),
    order_no=PRINTABLE,
)
RULINGS: Final = st.builds(
    lambda code, reference: Ruling(code == "00", code, reference),
    st.sampled_from(["00", "05", "12", "25", "51", "91"]),
    st.sampled_from(["", "000000000017"]),
)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(request=REQUESTS, stan=st.integers(1, 999_999), ruling=RULINGS)
def test_a_call_and_its_answer_come_through_whole(
    protocol: str, request: BankRequest, stan: int, ruling: Ruling
) -> None:
    dialect = DIALECTS[protocol]
    call, octets = write_call(request, stan, dialect, US)
    message = decode_message(Framer().feed(octets)[0], dialect.spec)
    asked = read_request(message, dialect)
    assert (asked.kind, asked.call_id, asked.amount_minor) == (request.kind, request.call_id, request.amount_minor)
    assert asked.original_call_id == request.original_call_id
    answer = decode_message(write_ruling(message, asked.kind, ruling, dialect)[2:], dialect.spec)
    assert is_answer_to(answer, call)
    assert int(answer.fields["11"]) == stan
    verdict = read_answer(answer, call, dialect)
    assert verdict.reference == (ruling.reference or None)
    assert (verdict.verdict == "succeeded") is ruling.approved
    assert ruling.approved or verdict.reason in CODES


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(octets=st.binary(max_size=300))
def test_any_octets_are_a_message_or_an_error_with_a_code(protocol: str, octets: bytes) -> None:
    try:
        message = decode_message(octets, DIALECTS[protocol].spec)
    except Invalid as error:
        assert error.code in CODES
    else:
        assert isinstance(message, Message)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(data=st.data())
def test_messages_with_octets_changed_are_read_or_refused(protocol: str, data: st.DataObject) -> None:
    """Octets that begin like a message get deeper into the decoder than any at random; what both sides make of them
    ends in a value or a coded error too."""
    dialect = DIALECTS[protocol]
    call, octets = write_call(AUTHORISE, 7, dialect, US)
    changed = bytearray(octets[2:])
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(changed)))
    for one in (bytes(changed), bytes(changed[:cut])):
        try:
            message = decode_message(one, dialect.spec)
            is_answer_to(message, call)
            assert isinstance(read_answer(message, call, dialect), BankAnswer)
            asked = read_request(message, dialect)
            write_ruling(message, asked.kind, FORMAT_ERROR, dialect)
        except ChuanliuError as error:
            assert error.code in CODES
            assert PAN not in str(error)


@given(pieces=st.lists(st.binary(max_size=60), max_size=20))
def test_a_stream_of_any_octets_is_cut_or_refused(pieces: list[bytes]) -> None:
    framer = Framer()
    try:
        for piece in pieces:
            assert all(len(message) <= MESSAGE_BYTES_MAX for message in framer.feed(piece))
    except Invalid as error:
        assert error.code == "bank_answer_invalid"


@given(sizes=st.lists(st.integers(12, 300), max_size=8), step=st.integers(1, 50))
def test_messages_come_out_of_the_stream_as_they_went_in(sizes: list[int], step: int) -> None:
    messages = [bytes([number]) * size for number, size in enumerate(sizes)]
    stream = b"".join(len(message).to_bytes(2, "big") + message for message in messages)
    framer = Framer()
    assert [m for at in range(0, len(stream), step) for m in framer.feed(stream[at : at + step])] == messages


@given(values=st.dictionaries(st.integers(10, 99).map(str), PRINTABLE, max_size=2))
def test_the_private_field_is_read_as_written(values: dict[str, str]) -> None:
    assert read_private(write_private(values)) == values


@pytest.mark.parametrize("text", ["0", "01", "01x19", "01019123", "0100", "ab003123", "010-1"])
def test_a_private_field_cut_short_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_private(text)
    assert refusal.value.code == "bank_answer_invalid"


def test_text_is_cut_between_characters() -> None:
    assert cut_text("川流茶铺", 7) == "川流"
    assert cut_text("abc", 7) == "abc"


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("wish", "where"),
    [
        (authorise(10**12), "DE4"),
        (authorise(card=CardData("1" * 20, "2912")), "DE2"),
        (authorise(card=CardData(PAN, "29")), "DE14"),
        (authorise(card=CardData("６" * 16, "2912")), "DE2"),
        (authorise(currency="QQQ"), "currency"),
        (authorise(account="9" * 29), "DE102"),
        (authorise(kind="reverse"), "original_call_id"),
    ],
)
def test_what_does_not_fit_is_named(protocol: str, wish: BankRequest, where: str) -> None:
    with pytest.raises(Invalid) as refusal:
        write_call(wish, 1, DIALECTS[protocol], US)
    assert refusal.value.field == where
    assert "6222" not in str(refusal.value)
    assert not hasattr(refusal.value.__context__, "doc_dec")


def test_a_data_element_that_we_do_not_take_is_named() -> None:
    dialect = DIALECTS["iso8583-1987"]
    spec = {**dialect.spec, "5": dialect.spec["4"]}
    octets, _ = iso8583.encode({"t": "0110", "5": "0" * 12}, spec)
    with pytest.raises(Invalid, match="data element 5 ") as refusal:
        decode_message(bytes(octets), dialect.spec)
    assert refusal.value.field == "DE5"


@pytest.mark.parametrize(
    ("changes", "is_answer"),
    [
        ({}, True),
        ({"mti": "0210"}, False),
        ({"48": "010190000000000000000001"}, False),
        ({"48": None}, True),
        ({"48": None, "37": "000000000000"}, False),
    ],
)
def test_an_answer_is_known_by_its_type_and_its_call(changes: dict[str, str | None], is_answer: bool) -> None:
    dialect = DIALECTS["iso8583-1987"]
    call, octets = write_call(AUTHORISE, 7, dialect, US)
    answer = decode_message(
        write_ruling(decode_message(octets[2:], dialect.spec), "authorise", Ruling(True, "00"), dialect)[2:],
        dialect.spec,
    )
    fields = {**answer.fields, **changes}
    mti = fields.pop("mti", None) or answer.mti
    assert is_answer_to(Message(mti, {k: v for k, v in fields.items() if v is not None}), call) is is_answer


@pytest.mark.parametrize(("field", "value"), [("4", "000000000001"), ("49", "840"), ("48", "01019"), ("39", "ZZ")])
def test_a_yes_to_something_else_is_unknown(field: str, value: str) -> None:
    dialect = DIALECTS["iso8583-1987"]
    call, octets = write_call(AUTHORISE, 7, dialect, US)
    answer = decode_message(
        write_ruling(decode_message(octets[2:], dialect.spec), "authorise", Ruling(True, "00"), dialect)[2:],
        dialect.spec,
    )
    verdict = read_answer(Message(answer.mti, {**answer.fields, field: value}), call, dialect)
    assert (verdict.verdict, verdict.reason) == ("unknown", "bank_answer_invalid")


def test_encoding_is_the_library_s() -> None:
    dialect = DIALECTS["iso8583-1987"]
    fields = {"11": "000001", "70": "301", "7": "1118110640"}
    octets, _ = iso8583.encode({"t": "0800", **fields}, dialect.spec)
    assert encode_message("0800", fields, dialect.spec)[2:] == bytes(octets)
