"""Secrets at rest."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.crypto import SEAL_RANDOMNESS, MasterKey, rewrap, seal, sealed_with, unseal
from chuanliu.errors import NotFound

OLD = MasterKey("2026-1", bytes(range(32)))
NEW = MasterKey("2026-2", bytes(range(32, 64)))
KEYS = {key.key_id: key for key in (OLD, NEW)}


@given(secret=st.binary(max_size=300), context=st.binary(max_size=40))
def test_round_trip_and_rotation(secret: bytes, context: bytes) -> None:
    sealed = seal(secret, OLD, context, os.urandom(SEAL_RANDOMNESS))
    assert sealed_with(sealed) == "2026-1"
    assert unseal(sealed, KEYS, context) == secret
    rotated = rewrap(sealed, KEYS, NEW, os.urandom(SEAL_RANDOMNESS))
    assert sealed_with(rotated) == "2026-2"
    assert unseal(rotated, {"2026-2": NEW}, context) == secret


def test_every_altered_byte_is_noticed() -> None:
    sealed = seal(b"secret", OLD, b"app:1", os.urandom(SEAL_RANDOMNESS))
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises((ValueError, NotFound)):
            unseal(bytes(altered), KEYS, b"app:1")


def test_every_truncation_is_noticed() -> None:
    sealed = seal(b"secret", OLD, b"app:1", os.urandom(SEAL_RANDOMNESS))
    for length in range(len(sealed)):
        with pytest.raises((ValueError, NotFound)):
            unseal(sealed[:length], KEYS, b"app:1")


def test_it_opens_only_in_its_context_and_with_its_key() -> None:
    sealed = seal(b"secret", OLD, b"app:1", os.urandom(SEAL_RANDOMNESS))
    with pytest.raises(ValueError, match="belongs elsewhere"):
        unseal(sealed, KEYS, b"app:2")
    with pytest.raises(NotFound):
        unseal(sealed, {"2026-2": NEW}, b"app:1")
    with pytest.raises(ValueError, match="another"):
        unseal(sealed, {"2026-1": MasterKey("2026-1", NEW.secret)}, b"app:1")


def test_the_secret_is_not_in_the_text_of_the_key() -> None:
    assert "\\x01" not in repr(OLD)


@pytest.mark.parametrize("key", [("", bytes(32)), ("é", bytes(32)), ("k" * 65, bytes(32)), ("k", bytes(16))])
def test_master_keys_are_checked(key: tuple[str, bytes]) -> None:
    with pytest.raises(ValueError, match="master key"):
        MasterKey(*key)
