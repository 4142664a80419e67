"""The states of orders, payments and legs as transition tables. The database's constraints list the same names."""

from __future__ import annotations

from typing import Final

ORDER: Final[dict[str, frozenset[str]]] = {
    "WAIT_BUYER_PAY": frozenset({"TRADE_SUCCESS", "TRADE_CLOSED"}),
    "TRADE_SUCCESS": frozenset({"TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED"}),
    "TRADE_FINISHED": frozenset(),
    "TRADE_CLOSED": frozenset(),
}
"""A partial refund leaves TRADE_SUCCESS; a full one closes the order."""

PAYMENT: Final[dict[str, frozenset[str]]] = {
    "AWAITING_PAYER": frozenset({"AUTHORISING", "SUCCEEDED", "REFUSED", "CLOSED"}),
    "AUTHORISING": frozenset({"SUCCEEDED", "REFUSED", "UNKNOWN", "CLOSED"}),
    "UNKNOWN": frozenset({"SUCCEEDED", "REFUSED", "CLOSED"}),
    "SUCCEEDED": frozenset({"SUCCEEDED"}),
    "REFUSED": frozenset(),
    "CLOSED": frozenset(),
}

LEG: Final[dict[str, frozenset[str]]] = {
    "AUTHORISING": frozenset({"AUTHORISED", "CAPTURED", "UNKNOWN", "REFUSED", "VOIDED"}),
    "AUTHORISED": frozenset({"CAPTURED", "VOIDED"}),
    "UNKNOWN": frozenset({"AUTHORISED", "CAPTURED", "REFUSED", "VOIDED"}),
    "CAPTURED": frozenset({"CAPTURED"}),
    "REFUSED": frozenset(),
    "VOIDED": frozenset(),
}


def move(table: dict[str, frozenset[str]], before: str, after: str) -> str:
    """The state after a legal move. Raises `ValueError` for an illegal one: that is a bug, never an answer."""
    if after not in table[before]:
        raise ValueError(f"no move from {before} to {after}")
    return after
