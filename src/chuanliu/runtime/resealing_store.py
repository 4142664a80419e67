"""All that is sealed, under the current master key: table by table, in batches, beside running traffic.

Nothing is kept of how far it came: what still needs an older key is found in the rows themselves, so that it may be
ended at any point and begun again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from psycopg.sql import SQL, Composable, Identifier
from psycopg_pool import AsyncConnectionPool

from chuanliu.engine import Engine
from chuanliu.errors import Busy, Unavailable
from chuanliu.parties import Reseal, SealedTable, Vault

_BATCH_ROWS: Final = 100
_UNDER_WAY: Final = 4
_TRIES_MAX: Final = 8

Pool = AsyncConnectionPool[Any]


async def reseal(
    engine: Engine,
    reads: Pool,
    vault: Vault,
    tables: Sequence[SealedTable],
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Seal everything under the current master key; how many rows were under another one.

    What was sealed meanwhile by a command that was under way when the key changed is found by a further pass.
    `on_progress` gets the rows done so far. Raises what the engine raises, and as `Vault.open` does.
    """
    done = 0
    while True:
        before = done
        for sealed in tables:
            last: tuple[Any, ...] | None = None
            while keys := await _page(reads, sealed, vault.current_key_id, last):
                last = keys[-1]
                parts = [keys[at : at + _BATCH_ROWS] for at in range(0, len(keys), _BATCH_ROWS)]
                done += sum(await asyncio.gather(*(_submit(engine, vault, sealed, part) for part in parts)))
                on_progress(done)
        if done == before:
            return done


async def _submit(engine: Engine, vault: Vault, sealed: SealedTable, keys: Sequence[tuple[Any, ...]]) -> int:
    for attempt in range(1, _TRIES_MAX + 1):
        # Fresh randomness for each try: the rows may be others by then.
        rows = tuple((key, secrets.token_bytes(sealed.randomness)) for key in keys)
        try:
            return await engine.submit(Reseal(sealed, vault, rows))
        except (Busy, Unavailable):
            if attempt == _TRIES_MAX:
                raise
            await asyncio.sleep(0.2 * attempt)
    raise AssertionError("the last try returns or raises")


async def _page(reads: Pool, sealed: SealedTable, current: str, last: tuple[Any, ...] | None) -> list[tuple[Any, ...]]:
    """The next keys, in their order, of rows that need another master key than the current one."""
    key = SQL(", ").join(map(Identifier, sealed.table.key))
    needs = SQL(" OR ").join(
        SQL("{column} IS NOT NULL AND {key_id} <> %(current)s").format(
            column=Identifier(column), key_id=_key_id(column)
        )
        for column in sealed.columns
    )
    after = SQL("TRUE") if last is None else SQL("({key}) > ({last})").format(key=key, last=_placeholders(last))
    statement = SQL("SELECT {key} FROM {table} WHERE ({needs}) AND {after} ORDER BY {key} LIMIT %(limit)s").format(
        key=key, table=Identifier(sealed.table.name), needs=needs, after=after
    )
    values = {"current": current.encode(), "limit": _BATCH_ROWS * _UNDER_WAY}
    values |= {f"last{at}": value for at, value in enumerate(last or ())}
    async with reads.connection() as connection:
        cursor = await connection.execute(statement, values)
        return [tuple(row) for row in await cursor.fetchall()]


async def keys_needed(reads: Pool, tables: Sequence[SealedTable]) -> Counter[str]:
    """How many sealed values need each master key, by its name."""
    needed: Counter[str] = Counter()
    async with reads.connection() as connection:
        for sealed in tables:
            for column in sealed.columns:
                statement = SQL("SELECT {key_id}, count(*) FROM {table} WHERE {column} IS NOT NULL GROUP BY 1").format(
                    key_id=_key_id(column), table=Identifier(sealed.table.name), column=Identifier(column)
                )
                cursor = await connection.execute(statement)
                needed.update({bytes(name).decode(): count for name, count in await cursor.fetchall()})
    return needed


def _key_id(column: str) -> Composable:
    """The key's name in a sealed value: after the layout's version and the name's length (see `crypto.envelope`)."""
    return SQL("substring({column} FROM 3 FOR get_byte({column}, 1))").format(column=Identifier(column))


def _placeholders(values: Sequence[Any]) -> Composable:
    return SQL(", ").join(SQL(f"%(last{at})s") for at in range(len(values)))
