"""Sealed columns under another master key, row by row and while everything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from chuanliu.crypto import SEAL_RANDOMNESS, sealed_with
from chuanliu.engine import Command, Context, Keys, Reference, Row, Rows, Seen, Table, lock_reference, raise_version
from chuanliu.parties.tables import APP, PLATFORM_KEY, WEBHOOK_ENDPOINT
from chuanliu.parties.vault import Vault

Renew = Callable[[Vault, Any, bytes], Any]
"""From a row to the same under the vault's current master key. Takes `SEAL_RANDOMNESS` random bytes for each column."""


class SealedTable(NamedTuple):
    """A table with sealed columns. Without `renew`, what is sealed stays and its data key is wrapped anew."""

    table: Table[Any]
    columns: tuple[str, ...]
    renew: Renew | None = None

    @property
    def randomness(self) -> int:
        """Random bytes that one row takes."""
        return SEAL_RANDOMNESS * len(self.columns)

    def key_ids(self, row: Row) -> set[str]:
        """The master keys that a row needs."""
        values = (getattr(row, column) for column in self.columns)
        return {sealed_with(value) for value in values if value is not None}

    def renewed(self, vault: Vault, row: Row, randomness: bytes) -> Row:
        """The row under the current master key. Raises as `Vault.open` does."""
        if self.renew is not None:
            renewed: Row = self.renew(vault, row, randomness)
            return renewed
        changed: dict[str, bytes] = {}
        for at, column in enumerate(self.columns):
            value: bytes | None = getattr(row, column)
            if value is not None:
                fresh = randomness[at * SEAL_RANDOMNESS : (at + 1) * SEAL_RANDOMNESS]
                changed[column] = vault.rewrap(value, fresh)
        return row.changed(**changed)


SEALED_TABLES: Final = (
    SealedTable(PLATFORM_KEY, ("private_key_sealed",)),
    SealedTable(APP, ("aes_key_sealed",)),
    SealedTable(WEBHOOK_ENDPOINT, ("secret_sealed", "previous_secret_sealed")),
)
"""What parties keep sealed."""


class Reseal(Command[int], frozen=True):
    """Seal rows under the vault's current master key. The outcome is how many were under another one.

    `rows` are keys with the random bytes for each, as many as `sealed.randomness`. Raises as `Vault.open` does.
    """

    sealed: SealedTable
    vault: Vault
    rows: tuple[tuple[tuple[Any, ...], bytes], ...]

    @property
    def _is_reference(self) -> bool:
        return "version" in self.sealed.table.columns

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        if self._is_reference:
            lock_reference(keys)
        for key, _ in self.rows:
            keys.lock(self.sealed.table, *key)

    def decide(self, rows: Rows, context: Context) -> int:
        current = self.vault.current_key_id
        renewed = []
        for key, randomness in self.rows:
            row = rows.get(self.sealed.table, *key)
            if row is not None and self.sealed.key_ids(row) - {current}:
                renewed.append(self.sealed.renewed(self.vault, row, randomness))
        if renewed and self._is_reference:
            version = raise_version(rows)
            renewed = [row.changed(version=version) for row in renewed]
        for row in renewed:
            rows.update(self.sealed.table, row)
        return len(renewed)
