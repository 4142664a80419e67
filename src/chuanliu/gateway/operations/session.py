"""Who looks at the operations screen: a signed cookie that names an administrator's key. Nothing is stored."""

from __future__ import annotations

import hmac
from typing import Final

from chuanliu.clock import HOUR, SECOND, Micros

COOKIE: Final = "chuanliu_operations"
PURPOSE: Final = "operations/session"
"""What the key of these functions is derived for."""

LASTS: Final = 12 * HOUR


def session_text(key_id: int, now: Micros, secret: bytes) -> str:
    """The cookie of who signed in with this key, good for twelve hours while the key is."""
    body = f"{key_id}.{(now + LASTS) // SECOND}"
    return f"{body}.{_mac(secret, body)}"


def key_of_session(text: str, now: Micros, secret: bytes) -> int | None:
    """The key that a cookie names; None where it is not ours, was altered, or is over."""
    body, _, mac = text.rpartition(".")
    if not hmac.compare_digest(_mac(secret, body).encode(), mac.encode("utf-8", "surrogatepass")):
        return None
    key_id, _, until = body.partition(".")
    return int(key_id) if int(until) * SECOND > now else None


def form_token(text: str, secret: bytes) -> str:
    """What a form must bring along that was rendered for this cookie."""
    return _mac(secret, f"form {text}")


def _mac(secret: bytes, text: str) -> str:
    return hmac.digest(secret, text.encode("utf-8", "surrogatepass"), "sha256").hex()
