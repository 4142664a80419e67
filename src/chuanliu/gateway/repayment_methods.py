"""What a line is repaid from, as the consumer's API and page write it: `balance`, or a debit card's number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from chuanliu.bills import BALANCE_METHOD
from chuanliu.errors import NotFound
from chuanliu.gateway.native.fields import id_of
from chuanliu.lenders import InstrumentView

BALANCE: Final = "balance"


def method_of(text: str) -> int:
    """A method as commands take it. Raises `NotFound(instrument_not_found)` for what is no number."""
    return BALANCE_METHOD if text == BALANCE else id_of(text, "instrument_not_found")


def method_texts(methods: Sequence[int]) -> tuple[str, ...]:
    """Methods as they are written."""
    return tuple(BALANCE if each == BALANCE_METHOD else str(each) for each in methods)


def line_of(views: Iterable[InstrumentView], text: str) -> InstrumentView:
    """The line with this number among what a consumer has. Raises `NotFound(instrument_not_found)`."""
    number = id_of(text, "instrument_not_found")
    for view in views:
        if view.instrument.instrument_id == number and view.instrument.line_no is not None:
            return view
    raise NotFound("instrument_not_found")


def debit_cards(views: Iterable[InstrumentView]) -> list[InstrumentView]:
    """The cards that lines in their currency may be repaid from."""
    return [each for each in views if each.product.kind == "debit_card" and each.instrument.status == "active"]
