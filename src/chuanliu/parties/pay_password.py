"""Pay passwords: six digits, kept as Argon2id hashes.

Six digits are few, so what protects them is that wrong ones are counted (`StartSignIn`), and the hash only the leak of
a backup. Its cost is OWASP's lowest of the recommended profiles (19 MiB, two passes): a cashier signs many people in.
"""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from chuanliu.errors import Invalid

SALT_RANDOMNESS: Final = 16
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def require_pay_password(text: str) -> str:
    """Six ASCII digits. Raises `Invalid(invalid_parameter, field="pay_password")`."""
    if len(text) != 6 or not text.isascii() or not text.isdigit():
        raise Invalid("invalid_parameter", "pay_password must be six digits", field="pay_password")
    return text


def hash_pay_password(text: str, salt: bytes) -> str:
    """The hash to store, with `SALT_RANDOMNESS` fresh random bytes. Takes about 20 ms: keep it off the event loop."""
    if len(salt) != SALT_RANDOMNESS:
        raise ValueError(f"a salt has {SALT_RANDOMNESS} bytes")
    return _HASHER.hash(require_pay_password(text), salt=salt)


def verify_pay_password(text: str, hashed: str) -> bool:
    """Whether the text is the password. Same cost as hashing; an empty or foreign hash is no one's password."""
    try:
        return _HASHER.verify(hashed, text)
    except (Argon2Error, InvalidHashError, UnicodeError):
        return False
