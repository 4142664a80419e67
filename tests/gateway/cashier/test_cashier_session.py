"""Cookies and form tokens of the cashier: nothing that was changed or is over is believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chuanliu.clock import SECOND
from chuanliu.gateway.cashier.session import (
    LASTS,
    NOBODY,
    form_token,
    form_token_matches,
    new_session,
    read_session,
    session_text,
)

KEY, OTHER = bytes(32), bytes(31) + b"1"
NOW = 1_794_000_000 * SECOND
SESSION = new_session(2088000000001001, NOW, "ab" * 16)
TEXT = session_text(SESSION, KEY)


def test_a_session_is_read_back_until_it_is_over() -> None:
    assert read_session(TEXT, KEY, NOW) == SESSION
    assert read_session(TEXT, KEY, NOW + LASTS - 1) == SESSION
    assert read_session(TEXT, KEY, NOW + LASTS) is None
    assert read_session(TEXT, OTHER, NOW) is None
    assert read_session(TEXT.replace("1001.", "1002."), KEY, NOW) is None


@given(st.text(max_size=200))
def test_no_other_text_is_a_session(text: str) -> None:
    assert read_session(text, KEY, NOW) is None
    assert read_session(f"{TEXT}{text}", KEY, NOW) == (SESSION if not text else None)


@given(st.text(max_size=80))
def test_a_form_token_fits_one_session_and_order(text: str) -> None:
    token = form_token(SESSION, 7, KEY)
    assert form_token_matches(token, SESSION, 7, KEY)
    assert not form_token_matches(token, SESSION, 8, KEY)
    assert not form_token_matches(token, new_session(NOBODY, NOW, "cd" * 16), 7, KEY)
    assert not form_token_matches(text, SESSION, 7, KEY)
