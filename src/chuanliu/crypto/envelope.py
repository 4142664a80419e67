"""Secrets at rest: each under a data key of its own, the data key under a named master key, both AES-256-GCM.

Layout: version 1, length of the key id, key id, 12-byte nonce, wrapped data key (48 bytes), 12-byte nonce, cipher text.
The header and the caller's context (such as the row's key) are authenticated, so a sealed value moved to another row
does not open. To rotate, `rewrap` replaces the wrapped key and leaves the cipher text as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chuanliu.errors import NotFound

_VERSION: Final = 1
_KEY: Final = 32
_NONCE: Final = 12
_WRAPPED: Final = _KEY + 16
SEAL_RANDOMNESS: Final = _KEY + 2 * _NONCE
"""Bytes of randomness that `seal` takes, and `rewrap` too."""


@dataclass(frozen=True)
class MasterKey:
    """`key_id` is 1 to 64 ASCII characters and is stored with every value; `secret` is 32 bytes."""

    key_id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not (self.key_id.isascii() and 1 <= len(self.key_id) <= 64 and len(self.secret) == _KEY):
            raise ValueError("a master key is 32 bytes under an id of 1 to 64 ASCII characters")


class _Sealed(NamedTuple):
    key_id: str
    wrap_nonce: bytes
    wrapped: bytes
    nonce: bytes
    cipher_text: bytes


def seal(secret: bytes, master: MasterKey, context: bytes, randomness: bytes) -> bytes:
    """Encrypt a secret. `randomness` is `SEAL_RANDOMNESS` fresh bytes, never used before."""
    data_key, wrap_nonce, nonce = _draw(randomness)
    return _assemble(master, data_key, wrap_nonce, nonce, AESGCM(data_key).encrypt(nonce, secret, context))


def unseal(sealed: bytes, masters: Mapping[str, MasterKey], context: bytes) -> bytes:
    """The secret. Raises `NotFound(key_not_found)` without its master key, `ValueError` when anything was altered."""
    parts = _split(sealed)
    try:
        return AESGCM(_data_key(parts, masters)).decrypt(parts.nonce, parts.cipher_text, context)
    except InvalidTag:
        raise ValueError("the sealed secret was altered or belongs elsewhere") from None


def rewrap(sealed: bytes, masters: Mapping[str, MasterKey], new: MasterKey, randomness: bytes) -> bytes:
    """The same secret under another master key. Raises as `unseal` does."""
    parts = _split(sealed)
    _, wrap_nonce, _ = _draw(randomness)
    return _assemble(new, _data_key(parts, masters), wrap_nonce, parts.nonce, parts.cipher_text)


def sealed_with(sealed: bytes) -> str:
    """The id of the master key that a sealed value needs. Raises `ValueError` for bytes that are not one."""
    return _split(sealed).key_id


def _draw(randomness: bytes) -> tuple[bytes, bytes, bytes]:
    if len(randomness) != SEAL_RANDOMNESS:
        raise ValueError(f"sealing takes {SEAL_RANDOMNESS} bytes of randomness")
    return randomness[:_KEY], randomness[_KEY : _KEY + _NONCE], randomness[_KEY + _NONCE :]


def _header(key_id: str) -> bytes:
    return bytes((_VERSION, len(key_id))) + key_id.encode()


def _assemble(master: MasterKey, data_key: bytes, wrap_nonce: bytes, nonce: bytes, cipher_text: bytes) -> bytes:
    header = _header(master.key_id)
    return header + wrap_nonce + AESGCM(master.secret).encrypt(wrap_nonce, data_key, header) + nonce + cipher_text


def _split(sealed: bytes) -> _Sealed:
    if len(sealed) < 2 or sealed[0] != _VERSION:
        raise ValueError("not a sealed secret")
    wrap_at = 2 + sealed[1]
    wrapped_at = wrap_at + _NONCE
    nonce_at = wrapped_at + _WRAPPED
    text_at = nonce_at + _NONCE
    if len(sealed) < text_at or not sealed[2:wrap_at].isascii():
        raise ValueError("not a sealed secret")
    return _Sealed(
        sealed[2:wrap_at].decode(),
        sealed[wrap_at:wrapped_at],
        sealed[wrapped_at:nonce_at],
        sealed[nonce_at:text_at],
        sealed[text_at:],
    )


def _data_key(parts: _Sealed, masters: Mapping[str, MasterKey]) -> bytes:
    master = masters.get(parts.key_id)
    if master is None:
        raise NotFound("key_not_found", f"no master key {parts.key_id!r}")
    try:
        return AESGCM(master.secret).decrypt(parts.wrap_nonce, parts.wrapped, _header(parts.key_id))
    except InvalidTag:
        raise ValueError("the sealed secret was altered or its master key is another") from None
