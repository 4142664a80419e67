"""The folder: turns deltas of buffered accounts into numbered entries with running balances.

It locks the accounts in key order, takes their deltas with `DELETE … RETURNING` (never by an id watermark, which would
miss a delta that committed late), and writes entries and balances in the same transaction.
"""

from __future__ import annotations

from typing import Any

import psycopg

from chuanliu.ids import account_cell

_CANDIDATES = "SELECT account_id FROM (SELECT account_id FROM delta LIMIT %(deltas)s) d GROUP BY account_id"

_OPEN_MISSING = """
    INSERT INTO account (cell, account_id, mode, status, floor_minor, balance_minor, held_minor, entry_count, opened_at)
    SELECT h.cell, h.account_id, 'buffered', 'open', 0, 0, 0, 0, now()
    FROM unnest(%(cells)s::smallint[], %(accounts)s::bigint[]) AS h (cell, account_id)
    ORDER BY h.cell, h.account_id
    ON CONFLICT (cell, account_id) DO NOTHING
"""

_LOCK = """
    SELECT a.account_id
    FROM unnest(%(cells)s::smallint[], %(accounts)s::bigint[]) AS h (cell, account_id)
    CROSS JOIN LATERAL (
        SELECT r.account_id FROM account r WHERE r.cell = h.cell AND r.account_id = h.account_id FOR NO KEY UPDATE
    ) a
"""

_FOLD = """
    WITH taken AS (
        DELETE FROM delta d
        USING (
            SELECT cell, account_id, transfer_id FROM delta WHERE account_id = ANY (%(accounts)s) LIMIT %(deltas)s
        ) c
        WHERE d.cell = c.cell AND d.account_id = c.account_id AND d.transfer_id = c.transfer_id
        RETURNING d.account_id, d.transfer_id, d.amount_minor
    ), numbered AS (
        SELECT a.cell, a.account_id, t.transfer_id, t.amount_minor,
            a.entry_count + row_number() OVER w AS seq,
            a.balance_minor + sum(t.amount_minor) OVER w AS balance_minor
        FROM taken t
        JOIN unnest(%(cells)s::smallint[], %(accounts)s::bigint[]) AS h (cell, account_id) USING (account_id)
        JOIN account a ON a.cell = h.cell AND a.account_id = h.account_id
        WINDOW w AS (PARTITION BY t.account_id ORDER BY t.transfer_id)
    ), written AS (
        INSERT INTO entry (cell, account_id, seq, transfer_id, amount_minor, balance_minor)
        SELECT cell, account_id, seq, transfer_id, amount_minor, balance_minor FROM numbered
    ), folded AS (
        SELECT cell, account_id, count(*) AS entries, sum(amount_minor) AS amount_minor
        FROM numbered GROUP BY cell, account_id
    ), updated AS (
        UPDATE account a
        SET balance_minor = a.balance_minor + f.amount_minor, entry_count = a.entry_count + f.entries
        FROM folded f WHERE a.cell = f.cell AND a.account_id = f.account_id
    )
    SELECT coalesce(sum(entries), 0)::bigint FROM folded
"""


async def fold(connection: psycopg.AsyncConnection[Any], *, deltas_max: int = 20_000) -> int:
    """Fold up to `deltas_max` deltas in one transaction and return how many it was; 0 means nothing waits."""
    async with connection.transaction():
        found = await (await connection.execute(_CANDIDATES, {"deltas": deltas_max})).fetchall()
        if not found:
            return 0
        homes = sorted((account_cell(account), account) for (account,) in found)
        values: dict[str, Any] = {
            "cells": [cell for cell, _ in homes],
            "accounts": [account for _, account in homes],
            "deltas": deltas_max,
        }
        await connection.execute(_OPEN_MISSING, values)
        await connection.execute(_LOCK, values)
        row = await (await connection.execute(_FOLD, values)).fetchone()
        return int(row[0]) if row else 0


async def fold_backlog(connection: psycopg.AsyncConnection[Any]) -> int:
    """How many deltas wait to be folded."""
    row = await (await connection.execute("SELECT count(*) FROM delta")).fetchone()
    return int(row[0]) if row else 0
