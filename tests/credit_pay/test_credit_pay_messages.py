"""Calls as JSON, answers as verdicts, and rubbish as nothing."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from credit_pay_bank import call
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.connectors import BankAnswer, CallKind
from chuanliu.connectors.credit_pay.contract import DECLINE_CODES, REFUSAL_CODES, call_body, read_call, verdict_of
from chuanliu.errors import CODES, Invalid

KINDS: tuple[CallKind, ...] = ("authorise", "complete", "refund", "reverse", "inquire")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "authorise",
            {
                "call_id": "9",
                "account": "line-7",
                "amount_minor": 120000,
                "currency": "CNY",
                "instalments": 12,
                "plan": "12 flat 0",
                "merchant_id": "2088000000000017",
                "merchant_name": "茶铺",
                "category": "5499",
                "order_no": "tea-1",
            },
        ),
        ("complete", {"call_id": "9", "original_call_id": "8", "amount_minor": 120000, "currency": "CNY"}),
        ("refund", {"call_id": "9", "original_call_id": "8", "amount_minor": 120000, "currency": "CNY"}),
        ("reverse", {"call_id": "9", "original_call_id": "8"}),
        ("inquire", {"call_id": "9", "asked_call_id": "8"}),
    ],
)
def test_calls_as_json(kind: CallKind, expected: dict[str, Any]) -> None:
    document = json.loads(call_body(call(kind, 9, 8)))
    assert document == {**expected, "sent_at": "2026-09-21T14:13:20.000Z", "attempt": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_a_bank_reads_what_is_written(kind: CallKind) -> None:
    body = call_body(call(kind, 9, 8))
    assert msgspec.json.decode(msgspec.json.encode(read_call(kind, body))) == json.loads(body)
    with_more = json.dumps({**json.loads(body), "later": [1]}).encode()
    assert read_call(kind, with_more) == read_call(kind, body)


APPROVED = b'{"call_id":"9","state":"approved","reference":"r"}'
BUSY = b'{"code":"busy","detail":""}'
LOST: tuple[str, str | None, str | None] = ("unknown", "bank_answer_invalid", None)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, APPROVED, ("succeeded", None, None)),
        (200, b'{"call_id":"9","state":"pending"}', ("unknown", "bank_outcome_unknown", "pending")),
        (200, b'{"call_id":"9","state":"declined"}', ("refused", "bank_refused", None)),
        (200, b'{"call_id":"9","state":"declined","code":"moon"}', ("refused", "bank_refused", "moon")),
        (200, b'{"call_id":"9","state":"approved","later":1}', ("succeeded", None, None)),
        (200, b'{"call_id":"8","state":"approved"}', LOST),
        (200, b'{"call_id":9,"state":"approved"}', LOST),
        (200, b'{"call_id":"9","state":"APPROVED"}', LOST),
        (200, b'{"state":"approved"}', LOST),
        (200, b"[]", LOST),
        (200, b"", LOST),
        (200, b"\xff", LOST),
        (201, APPROVED, ("unknown", "bank_answer_invalid", "http_201")),
        (400, b'{"code":"request_malformed"}', ("refused", "bank_unavailable", "request_malformed")),
        (401, b'{"code":"nonce_used"}', ("unknown", "bank_answer_invalid", "nonce_used")),
        (401, b'{"code":"signature_invalid"}', ("unknown", "bank_answer_invalid", "signature_invalid")),
        (409, b'{"code":"call_inconsistent"}', ("unknown", "idempotency_conflict", "call_inconsistent")),
        (503, BUSY, ("refused", "bank_unavailable", "busy")),
        (500, BUSY, ("unknown", "bank_no_answer", "http_500")),
        (503, b"<html>", ("unknown", "bank_no_answer", "http_503")),
        (404, b"", ("unknown", "bank_answer_invalid", "http_404")),
    ],
)
def test_answers_and_what_they_come_to(status: int, body: bytes, expected: tuple[str, str | None, str | None]) -> None:
    answer = verdict_of(call("authorise", 9), status, body)
    assert (answer.verdict, answer.reason, answer.raw_code) == expected


@pytest.mark.parametrize(("status", "body"), [(400, b'{"code":"request_malformed"}'), (503, BUSY)])
def test_only_a_first_authorisation_that_was_not_taken_is_refused(status: int, body: bytes) -> None:
    assert verdict_of(call("authorise", 9, attempt=2), status, body).verdict == "unknown"
    for kind in KINDS[1:]:
        assert verdict_of(call(kind, 9, 8), status, body).verdict == "unknown"


@given(st.integers(100, 599), st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_fuzzed_answers_are_never_believed(status: int, body: bytes) -> None:
    assert verdict_of(call("authorise", 9), status, body).verdict == "unknown"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(KINDS), st.data())
def test_fuzzed_calls_are_read_whole_or_refused(kind: CallKind, data: st.DataObject) -> None:
    document = json.loads(call_body(call(kind, 9, 8)))
    member = data.draw(st.sampled_from(sorted(document)))
    document[member] = data.draw(JSON)
    try:
        read = read_call(kind, json.dumps(document).encode())
    except Invalid as failure:
        assert failure.code == "invalid_parameter"
    else:
        assert getattr(read, member) == document[member]


@given(st.sampled_from(KINDS), st.binary(max_size=100))
def test_fuzzed_octets_are_no_call(kind: CallKind, body: bytes) -> None:
    with pytest.raises(Invalid):
        read_call(kind, body)


def test_codes_are_in_the_catalogue() -> None:
    assert {reason for reason, _ in DECLINE_CODES.values()} <= set(CODES)
    assert all(400 <= status < 600 for status, _ in REFUSAL_CODES.values())
    for code, (reason, _) in DECLINE_CODES.items():
        body = json.dumps({"call_id": "9", "state": "declined", "code": code}).encode()
        assert verdict_of(call("authorise", 9), 200, body) == BankAnswer("refused", reason, None, code)
