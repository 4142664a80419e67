"""What stands behind a statement: its postings, one by one, with what they were for."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import psycopg
from psycopg.rows import class_row

from chuanliu.bills.tables import Statement
from chuanliu.clock import Micros


class StatementLine(msgspec.Struct, frozen=True):
    """One posting. `owed_minor` is positive where it raised the debt; `text` is what was bought, empty otherwise."""

    seq: int
    posted_at: Micros
    kind: str
    text: str
    owed_minor: int
    balance_owed_minor: int


_LINES: Final = """
    SELECT e.seq, (extract(epoch FROM t.posted_at) * 1000000)::bigint AS posted_at, t.kind,
        coalesce(o.subject, '') AS text, -e.amount_minor AS owed_minor, -e.balance_minor AS balance_owed_minor
    FROM entry e
    JOIN transfer t ON t.transfer_id = e.transfer_id AND t.cell = (e.transfer_id >> 15 & 255)::smallint
    LEFT JOIN LATERAL (
        SELECT r.payment_id FROM refund r
        WHERE t.kind IN ('refund', 'plan_fee_refund', 'credit_overpaid') AND r.refund_id = t.subject_id
            AND r.cell = (t.subject_id >> 15 & 255)::smallint
    ) r ON true
    LEFT JOIN LATERAL (
        SELECT n.payment_id FROM plan n
        WHERE t.kind IN ('repayment', 'plan_fee_return') AND n.cell = e.cell AND n.plan_id = t.subject_id
    ) n ON true
    LEFT JOIN payment y ON y.cell = e.cell AND y.payment_id = coalesce(r.payment_id, n.payment_id, t.subject_id)
    LEFT JOIN orders o ON o.order_id = y.order_ids[1] AND o.cell = (y.order_ids[1] >> 15 & 255)::smallint
    WHERE e.cell = %(cell)s AND e.account_id = %(account)s AND e.seq BETWEEN %(first)s AND %(last)s
    ORDER BY e.seq LIMIT %(limit)s
"""


async def read_lines(
    connection: psycopg.AsyncConnection[Any], statement: Statement, *, limit: int = 10_000
) -> list[StatementLine]:
    """The postings of a statement in their order, at most `limit`."""
    async with connection.cursor(row_factory=class_row(StatementLine)) as cursor:
        await cursor.execute(
            _LINES,
            {
                "cell": statement.cell,
                "account": statement.account_id,
                "first": statement.first_seq,
                "last": statement.last_seq,
                "limit": limit,
            },
        )
        return await cursor.fetchall()
