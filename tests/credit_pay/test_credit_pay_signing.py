"""What is signed, to the octet, and what a bank and the platform do not accept."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from credit_pay_bank import BANK, PLATFORM, STRANGER
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.connectors.credit_pay.signing import (
    NonceMemory,
    RequestRefused,
    Signed,
    SigningKey,
    answer_is_genuine,
    answer_text,
    request_text,
    sign_answer,
    sign_request,
    verify_request,
)

NOW = 1_790_000_000
BODY = '{"call_id":"1","账户":"线"}'.encode()
SIGNED = Signed("KITE", "POST", "/credit-pay/v1/authorise", str(NOW), "nonce-of-16-chars")
KEYS = {"p1": PLATFORM.public, "p2": STRANGER.public}
PLATFORM_KEY = SigningKey("p1", PLATFORM.private)


def test_the_signed_texts() -> None:
    digest = sha256(BODY).hexdigest()
    assert request_text(SIGNED, BODY).decode() == (
        "credit-pay/v1\nrequest\nKITE\nPOST\n/credit-pay/v1/authorise\n1790000000\nnonce-of-16-chars\n" + digest
    )
    assert answer_text(SIGNED, 200, BODY).decode() == (
        "credit-pay/v1\nanswer\nKITE\nPOST\n/credit-pay/v1/authorise\n1790000000\nnonce-of-16-chars\n200\n" + digest
    )


def verified(signed: Signed, body: bytes, headers: dict[str, str], now_s: float = NOW) -> str | None:
    """The contract's code of the refusal, or None."""
    try:
        verify_request(signed, body, headers, KEYS, NonceMemory(), now_s)
    except RequestRefused as refusal:
        return refusal.contract_code
    return None


def test_a_signed_request_verifies_once() -> None:
    headers = sign_request(SIGNED, BODY, PLATFORM_KEY)
    nonces = NonceMemory()
    verify_request(SIGNED, BODY, headers, KEYS, nonces, NOW)
    with pytest.raises(RequestRefused) as refusal:
        verify_request(SIGNED, BODY, headers, KEYS, nonces, NOW + 299)
    assert refusal.value.contract_code == "nonce_used"


@pytest.mark.parametrize(
    "other",
    [
        {"method": "GET"},
        {"path": "/credit-pay/v1/refund"},
        {"timestamp": str(NOW + 1)},
        {"nonce": "another-of-16-chars"},
        {"bank": "OTHER"},
    ],
)
def test_every_part_is_covered(other: dict[str, str]) -> None:
    headers = sign_request(SIGNED, BODY, PLATFORM_KEY)
    assert verified(replace(SIGNED, **other), BODY, headers) == "signature_invalid"
    assert verified(SIGNED, BODY + b" ", headers) == "signature_invalid"
    answer = sign_answer(SIGNED, 200, BODY, SigningKey("b1", BANK.private))
    bank_keys = {"b1": BANK.public}
    assert answer_is_genuine(SIGNED, 200, BODY, answer, bank_keys)
    assert not answer_is_genuine(replace(SIGNED, **other), 200, BODY, answer, bank_keys)
    assert not answer_is_genuine(SIGNED, 503, BODY, answer, bank_keys)
    assert not answer_is_genuine(SIGNED, 200, BODY + b" ", answer, bank_keys)


def test_a_request_is_no_answer_and_the_other_way_round() -> None:
    same = SigningKey("k", BANK.private)
    request = sign_request(SIGNED, BODY, same)
    assert not answer_is_genuine(SIGNED, 200, BODY, request, {"k": BANK.public})


@pytest.mark.parametrize("name", ["chuanliu-bank", "chuanliu-key", "chuanliu-signature"])
@pytest.mark.parametrize("value", [None, "", "x", "ü", "AAAA"])
def test_headers_that_are_missing_or_wrong(name: str, value: str | None) -> None:
    headers = sign_request(SIGNED, BODY, PLATFORM_KEY)
    if value is None:
        del headers[name]
    else:
        headers[name] = value
    assert verified(SIGNED, BODY, headers) == "signature_invalid"


def test_another_known_key_does_not_fit() -> None:
    headers = sign_request(SIGNED, BODY, PLATFORM_KEY) | {"chuanliu-key": "p2"}
    assert verified(SIGNED, BODY, headers) == "signature_invalid"


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (NOW - 301, "timestamp_outside_window"),
        (NOW - 300, None),
        (NOW + 300, None),
        (NOW + 301, "timestamp_outside_window"),
    ],
)
def test_the_window_of_clocks(now: int, code: str | None) -> None:
    assert verified(SIGNED, BODY, sign_request(SIGNED, BODY, PLATFORM_KEY), now) == code


@pytest.mark.parametrize("timestamp", ["", "-1", "1e9", "٣", "1790000000.0", "9" * 40])
def test_timestamps_that_are_none(timestamp: str) -> None:
    signed = replace(SIGNED, timestamp=timestamp)
    assert verified(signed, BODY, sign_request(signed, BODY, PLATFORM_KEY)) == "timestamp_outside_window"


@pytest.mark.parametrize("nonce", ["", "x" * 15, "x" * 65])
def test_nonces_of_other_lengths(nonce: str) -> None:
    signed = replace(SIGNED, nonce=nonce)
    assert verified(signed, BODY, sign_request(signed, BODY, PLATFORM_KEY)) == "signature_invalid"


def test_nonces_are_remembered_for_the_window_and_no_longer() -> None:
    nonces = NonceMemory(nonces_max=3)
    assert nonces.take("a", 0)
    assert not nonces.take("a", 600)
    assert nonces.take("a", 601)
    assert all(nonces.take(name, 602) for name in "bcd")
    assert nonces.take("a", 603)


@given(st.text(max_size=40), st.text(max_size=200), st.binary(max_size=100))
def test_nothing_but_a_signature_verifies(key_id: str, signature: str, body: bytes) -> None:
    headers = {"chuanliu-bank": "KITE", "chuanliu-key": key_id, "chuanliu-signature": signature}
    assert verified(SIGNED, body, headers) == "signature_invalid"
    known = headers | {"chuanliu-key": "p1"}
    assert verified(SIGNED, body, known) == "signature_invalid"


def test_private_keys_are_not_shown() -> None:
    assert PLATFORM.private not in repr(PLATFORM_KEY)
