"""Ids: time-sortable 63-bit numbers that carry their cell, party numbers, account ids, and trade numbers."""

from chuanliu.ids.cells import (
    CELLS,
    SHADOW_OFFSET,
    SHADOW_PARTIES,
    cell_of_order,
    cell_of_party,
    cell_of_text,
    is_shadow,
    is_shadow_party,
)
from chuanliu.ids.parties import PARTY_BASE, account_cell, account_id, account_parts, is_party_number, party_number
from chuanliu.ids.snowflake import IdSource, WorkerLease, cell_of_id, first_id_at, id_millis, with_cell
from chuanliu.ids.trade_no import order_id_of, trade_no

__all__ = [
    "CELLS",
    "PARTY_BASE",
    "SHADOW_OFFSET",
    "SHADOW_PARTIES",
    "IdSource",
    "WorkerLease",
    "account_cell",
    "account_id",
    "account_parts",
    "cell_of_id",
    "cell_of_order",
    "cell_of_party",
    "cell_of_text",
    "first_id_at",
    "id_millis",
    "is_party_number",
    "is_shadow",
    "is_shadow_party",
    "order_id_of",
    "party_number",
    "trade_no",
    "with_cell",
]
