"""Idempotency of commands that create no row under their key.

The outcome is stored with a short hash per identity field: the same key with the same fields gets the first outcome
again, the same key with other fields an error that names the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from chuanliu.clock import Micros
from chuanliu.engine.kinds import Instant, SmallInt
from chuanliu.engine.rows import Keys, Rows
from chuanliu.engine.table import Row, Table
from chuanliu.errors import Conflict
from chuanliu.ids import cell_of_order

_HASH_BYTES = 6


class IdempotencyRecord(Row, frozen=True, gc=False):
    """What was asked under a key, and the outcome. Kept for 30 days and more."""

    cell: SmallInt
    merchant_id: int
    operation: str
    key: str
    fields: bytes
    outcome: bytes
    created_at: Instant


IDEMPOTENCY: Table[IdempotencyRecord] = Table(
    "idempotency", IdempotencyRecord, ("cell", "merchant_id", "operation", "key"), rank=5
)


def lock_record(keys: Keys, merchant_id: int, operation: str, key: str) -> None:
    """To be called by `discover`."""
    keys.lock(IDEMPOTENCY, cell_of_order(merchant_id, key), merchant_id, operation, key)


def _hashes(fields: Mapping[str, str]) -> dict[str, bytes]:
    return {name: blake2b(value.encode(), digest_size=_HASH_BYTES).digest() for name, value in sorted(fields.items())}


def recall(rows: Rows, merchant_id: int, operation: str, key: str, fields: Mapping[str, str]) -> bytes | None:
    """The outcome stored under the key, or None. Raises `Conflict(idempotency_conflict)` naming the field that
    differs.
    """
    record = rows.get(IDEMPOTENCY, cell_of_order(merchant_id, key), merchant_id, operation, key)
    if record is None:
        return None
    hashes = _hashes(fields)
    stored = [record.fields[at : at + _HASH_BYTES] for at in range(0, len(record.fields), _HASH_BYTES)]
    for (name, value), before in zip(hashes.items(), stored, strict=True):
        if value != before:
            raise Conflict("idempotency_conflict", f"the key was used with another {name}", field=name)
    return record.outcome


def remember(
    rows: Rows, merchant_id: int, operation: str, key: str, fields: Mapping[str, str], outcome: bytes, now: Micros
) -> None:
    """Store the outcome under the key."""
    cell = cell_of_order(merchant_id, key)
    digest = b"".join(_hashes(fields).values())
    rows.insert(IDEMPOTENCY, IdempotencyRecord(cell, merchant_id, operation, key, digest, outcome, now))
