"""Rows that nobody can ask for any more, and how a few of them are deleted at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from chuanliu.clock import Micros


def _no_values(_now: Micros) -> dict[str, Any]:
    return {}


class OldRows(NamedTuple):
    """Rows of a table, by its key, on which a condition in SQL holds. `values` are its parameters at an instant."""

    table: str
    key: tuple[str, ...]
    condition: str
    values: Callable[[Micros], dict[str, Any]] = _no_values

    @property
    def deletion(self) -> str:
        """Deletes `%(rows)s` of them at the most; those that a transaction holds are left for the next time."""
        key = ", ".join(self.key)
        return (
            f"DELETE FROM {self.table} WHERE ({key}) IN "  # noqa: S608
            f"(SELECT {key} FROM {self.table} WHERE {self.condition} LIMIT %(rows)s FOR UPDATE SKIP LOCKED)"
        )

    @property
    def counting(self) -> str:
        """Counts them, up to `%(most)s`."""
        return f"SELECT count(*) FROM (SELECT FROM {self.table} WHERE {self.condition} LIMIT %(most)s) AS old"  # noqa: S608
