"""Content encryption of the Alipay wire."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu import crypto
from chuanliu.errors import Invalid

KEY = b64encode(bytes(range(16))).decode()


@given(plain=st.binary(max_size=200), size=st.sampled_from([16, 24, 32]))
def test_round_trip(plain: bytes, size: int) -> None:
    key = b64encode(bytes(size)).decode()
    assert crypto.decrypt_content(crypto.encrypt_content(plain, key), key) == plain


def test_known_answer() -> None:
    # First block: FIPS-197 appendix C.1 (CBC with a zero IV is ECB there); second block is the padding.
    plain = bytes.fromhex("00112233445566778899aabbccddeeff")
    cipher_text = crypto.encrypt_content(plain, KEY)
    assert cipher_text.startswith(b64encode(bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a"))[:20].decode())
    assert len(cipher_text) == 44


@pytest.mark.parametrize("text", ["", "x", "AAAA", b64encode(bytes(16)).decode(), b64encode(bytes(32)).decode(), "密"])
def test_what_does_not_decrypt_is_invalid(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        crypto.decrypt_content(text, KEY)
    assert caught.value.field == "content"


@pytest.mark.parametrize("key", ["", "AAAA", "not base64"])
def test_bad_key_is_invalid(key: str) -> None:
    with pytest.raises(Invalid) as caught:
        crypto.encrypt_content(b"", key)
    assert caught.value.field == "encrypt_key"
