"""Cells: the unit of spreading. Every row lives in one; a cluster places whole cells on its nodes."""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from zlib import crc32

CELLS: Final = 64
SHADOW_OFFSET: Final = 128


@lru_cache(maxsize=16384)
def cell_of_text(text: str) -> int:
    """Real cell of any text key: CRC-32 modulo `CELLS`, the same on every machine and for ever."""
    return crc32(text.encode()) % CELLS


@lru_cache(maxsize=65536)
def cell_of_party(number: int) -> int:
    """Cell of everything that a party owns. Party numbers of the shadow range have shadow cells."""
    serial = number % 10**12
    cell = crc32(serial.to_bytes(5)) % CELLS
    return cell + SHADOW_OFFSET if serial >= SHADOW_SERIAL else cell


@lru_cache(maxsize=16384)
def cell_of_order(merchant_id: int, out_trade_no: str) -> int:
    """Cell of an order: found and kept unique without knowing the payer."""
    cell = crc32(out_trade_no.encode(), merchant_id & 0xFFFFFFFF) % CELLS
    return cell + SHADOW_OFFSET if merchant_id % 10**12 >= SHADOW_SERIAL else cell


def is_shadow(cell: int) -> bool:
    """Whether the cell holds rehearsal data, which never meets real money."""
    return cell >= SHADOW_OFFSET


def is_shadow_party(number: int) -> bool:
    """Whether a party plays in rehearsals only: 2088 9…"""
    return number >= SHADOW_PARTIES


SHADOW_SERIAL: Final = 900_000_000_000
"""Serials from here on belong to shadow parties: 2088 9… numbers."""

SHADOW_PARTIES: Final = 2088 * 10**12 + SHADOW_SERIAL
"""Party numbers from here on are shadow parties'."""
