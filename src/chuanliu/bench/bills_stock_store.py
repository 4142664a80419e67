"""Lines with postings and plans, written set-based: what `bench bills` makes statements of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import psycopg

from chuanliu.bills import Cycle
from chuanliu.clock import from_datetime, to_datetime
from chuanliu.ids import PARTY_BASE
from chuanliu.lenders import BillingTerms, Product, ProductTerms

POSTINGS: Final = 5
_FIRST: Final = PARTY_BASE + 10**9
_AT_ONCE: Final = 50_000
_OPENED: Final = from_datetime(datetime(2026, 1, 20, tzinfo=UTC))

_PRINCIPAL, _FEE, _REFUND, _FEE_BACK, _REPAID = 3000_00, 69_00, 300_00, 6_90, 500_00
_ENTRIES: Final = (
    ("payment", -_PRINCIPAL),
    ("plan_fee", -_FEE),
    ("refund", _REFUND),
    ("plan_fee_refund", _FEE_BACK),
    ("repayment", _REPAID),
)

_LINE: Final = """
    WITH line AS (
        SELECT n, (n %% 64)::smallint AS cell, %(first)s + n AS consumer_id,
            ((%(first)s + n - 2088000000000000) << 18) | (128 << 10) | 156 AS account_id
        FROM generate_series(%(low)s::bigint, %(high)s::bigint) n
    )
"""
_INSTRUMENTS: Final = (
    _LINE
    + """
    INSERT INTO instrument SELECT cell, n, consumer_id, %(product)s, 'credit_line', 0, NULL, NULL, 'No. 1', 1000000,
        'active', sha256('bench'), %(at)s, %(at)s FROM line ORDER BY cell, n
"""
)
_ACCOUNTS: Final = (
    _LINE
    + """
    INSERT INTO account SELECT cell, account_id, 'checked', 'open', -1000000, %(balance)s, 0, 5, %(at)s
    FROM line ORDER BY cell, account_id
"""
)
_PLANS: Final = (
    _LINE
    + """
    INSERT INTO plan SELECT cell, n, n, n, consumer_id, 0, 0, %(product)s, n, 'own', 'CNY', 'active', 3,
        300000, 6900, 6900, 690, 30000, '{20260309,20260409,20260509}', '{90000,90000,90000}', '{2070,2070,2070}',
        '{50000,0,0}', '{}', '{}', '{}', '{}', '{}', '{}', 'evenly', true, true, %(at)s, %(at)s, NULL
    FROM line ORDER BY cell, n
"""
)
_TRANSFERS: Final = (
    _LINE
    + """, posting AS (
        SELECT line.*, seq, kind, amount, (n << 26) | (seq << 23) | (cell::bigint << 15) AS transfer_id
        FROM line
        CROSS JOIN unnest(%(seqs)s::bigint[], %(kinds)s::text[], %(amounts)s::bigint[]) AS p (seq, kind, amount)
    ), moved AS (
        INSERT INTO transfer SELECT cell, transfer_id, CASE WHEN amount < 0 THEN account_id ELSE 1180 END,
            CASE WHEN amount < 0 THEN 1180 ELSE account_id END, abs(amount), kind, n, %(at)s + seq * interval '1 day'
        FROM posting
    )
    INSERT INTO entry SELECT cell, account_id, seq, transfer_id, amount,
        sum(amount) OVER (PARTITION BY n ORDER BY seq) FROM posting ORDER BY cell, account_id, seq
"""
)
_YARDSTICK: Final = """
    INSERT INTO statement_yardstick
    SELECT i.cell, i.consumer_id, i.product_id, i.line_no, %(cycle)s, i.instrument_id, e.account_id, 'CNY',
        %(statement_on)s, %(due_on)s, min(e.seq), max(e.seq), 0,
        coalesce(-sum(e.amount_minor) FILTER (WHERE t.kind = 'payment'), 0),
        coalesce(-sum(e.amount_minor) FILTER (WHERE t.kind = 'plan_fee'), 0), 0, 0,
        coalesce(sum(e.amount_minor) FILTER (WHERE t.kind IN ('refund', 'plan_fee_refund')), 0),
        coalesce(sum(e.amount_minor) FILTER (WHERE t.kind = 'repayment'), 0), 0,
        -sum(e.amount_minor), 0, 0, 0, 0, 0, 0, 0, now()
    FROM instrument i
    JOIN entry e ON e.cell = i.cell
        AND e.account_id = (((i.consumer_id - 2088000000000000) << 18) | ((128 + i.line_no)::bigint << 10) | 156)
    JOIN transfer t ON t.transfer_id = e.transfer_id AND t.cell = e.cell
    WHERE i.product_id = %(product)s AND t.posted_at < %(cut_at)s
    GROUP BY i.cell, i.consumer_id, i.product_id, i.line_no, i.instrument_id, e.account_id
"""


def stock_product() -> Product:
    """The product that the lines are of: statement day 20, due on the 9th."""
    terms = ProductTerms(
        (), 1, 10**9, 10**9, (), 20, 9, None, "none", "evenly", True, True, "half-even", "first", "-", (),
        BillingTerms(late_fee_minor=15_00),
    )  # fmt: skip
    return Product(
        0, 1, 0, "bench-line", "credit_line", "bench", "bench", "CNY", "own", "active", None, None,
        msgspec.json.encode(terms), _OPENED, 1,
    )  # fmt: skip


def stock_lines(
    connection: psycopg.Connection[Any], product: Product, lines: int, report: Callable[[int], None] | None = None
) -> None:
    """Write lines with five postings and a plan of three instalments each; `report` hears how many there are."""
    at = to_datetime(_OPENED)
    for low in range(1, lines + 1, _AT_ONCE):
        high = min(lines, low + _AT_ONCE - 1)
        values: dict[str, Any] = {
            "first": _FIRST,
            "low": low,
            "high": high,
            "product": product.product_id,
            "at": at,
            "balance": sum(amount for _, amount in _ENTRIES),
            "seqs": list(range(1, POSTINGS + 1)),
            "kinds": [kind for kind, _ in _ENTRIES],
            "amounts": [amount for _, amount in _ENTRIES],
        }
        for sql in (_INSTRUMENTS, _ACCOUNTS, _PLANS, _TRANSFERS):
            connection.execute(sql, values)
        if report is not None:
            report(high)
    connection.execute("VACUUM ANALYZE instrument, account, plan, transfer, entry")


def yardstick(connection: psycopg.Connection[Any], product: Product, cycle: Cycle) -> int:
    """One INSERT … SELECT … GROUP BY of the same postings into a table with the same key, checks and indexes."""
    connection.execute("DROP TABLE IF EXISTS statement_yardstick")
    connection.execute("CREATE TABLE statement_yardstick (LIKE statement INCLUDING ALL)")
    values = {
        "product": product.product_id,
        "cycle": cycle.number,
        "statement_on": int(cycle.statement_on.strftime("%Y%m%d")),
        "due_on": int(cycle.due_on.strftime("%Y%m%d")),
        "cut_at": to_datetime(cycle.cut_at),
    }
    return connection.execute(_YARDSTICK, values).rowcount
