"""Who sits at this browser: a signed cookie, and the form tokens bound to it. Nothing is stored on our side."""

from __future__ import annotations

import hmac
from typing import Final, NamedTuple

from chuanliu.clock import MINUTE, SECOND, Micros

COOKIE: Final = "chuanliu_cashier"
LASTS: Final = 15 * MINUTE
PURPOSE: Final = "cashier/session"
"""What the key of these functions is derived for."""

NOBODY: Final = 0


class Session(NamedTuple):
    """`user_id` is the signed-in consumer or `NOBODY`; `nonce` is fresh with each of them, so that no session is
    carried over a sign-in.
    """

    user_id: int
    expires_at: Micros
    nonce: str


def new_session(user_id: int, now: Micros, nonce: str) -> Session:
    """A session for the next 15 minutes. `nonce` is fresh random hexadecimal text."""
    return Session(user_id, (now + LASTS) // SECOND * SECOND, nonce)


def session_text(session: Session, key: bytes) -> str:
    """The cookie's value."""
    body = f"{session.user_id}.{session.expires_at // SECOND}.{session.nonce}"
    return f"{body}.{_mac(key, 'session', body)}"


def read_session(text: str, key: bytes, now: Micros) -> Session | None:
    """The session in a cookie; None where it is not ours, was altered, or is over."""
    body, _, mac = text.rpartition(".")
    if not hmac.compare_digest(_mac(key, "session", body).encode(), mac.encode("utf-8", "surrogatepass")):
        return None
    user_id, expires_second, nonce = body.split(".")
    session = Session(int(user_id), int(expires_second) * SECOND, nonce)
    return session if session.expires_at > now else None


def form_token(session: Session, order_id: int, key: bytes) -> str:
    """What a form of this session and order must bring along."""
    return _mac(key, "form", f"{session.nonce}.{order_id}")


def form_token_matches(token: str, session: Session, order_id: int, key: bytes) -> bool:
    """Whether a form was rendered for this session and order."""
    expected = form_token(session, order_id, key).encode()
    return hmac.compare_digest(expected, token.encode("utf-8", "surrogatepass"))


def _mac(key: bytes, kind: str, text: str) -> str:
    return hmac.digest(key, f"{kind}:{text}".encode("utf-8", "surrogatepass"), "sha256").hex()
