"""AES content encryption of the Alipay wire: CBC, an IV of zeros, PKCS #7, base64 around key and cipher text.

The zero IV is the wire's, not ours: equal plain texts are visibly equal. What we keep at rest uses `envelope` instead.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from chuanliu.errors import Invalid

_BLOCK: Final = 16
_ZERO_IV: Final = bytes(_BLOCK)


def encrypt_content(plain: bytes, key: str) -> str:
    """Base64 cipher text. Raises `Invalid(invalid_parameter, field="encrypt_key")` for a key that is not AES."""
    padder = PKCS7(_BLOCK * 8).padder()
    encryptor = _cipher(key).encryptor()
    return b64encode(encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()).decode()


def decrypt_content(text: str, key: str) -> bytes:
    """Plain bytes. Raises `Invalid(invalid_parameter)` for text that is not such a cipher text under this key."""
    cipher = _cipher(key)
    try:
        raw = b64decode(text, validate=True)
        decryptor, unpadder = cipher.decryptor(), PKCS7(_BLOCK * 8).unpadder()
        return unpadder.update(decryptor.update(raw) + decryptor.finalize()) + unpadder.finalize()
    except ValueError:
        raise Invalid("invalid_parameter", "the cipher text does not decrypt", field="content") from None


@lru_cache(maxsize=4096)
def _cipher(key: str) -> Cipher[modes.CBC]:
    try:
        return Cipher(algorithms.AES(b64decode(key, validate=True)), modes.CBC(_ZERO_IV))
    except ValueError:
        raise Invalid("invalid_parameter", "the key is not base64 of 16, 24 or 32 bytes", field="encrypt_key") from None
