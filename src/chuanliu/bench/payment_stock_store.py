"""Stocks a database with millions of paid orders in minutes: set-based, with the rows that paying them would have left.

Accounts and the count of events move on first, in one transaction; then workers fill in what lies between, chunk by
chunk. The books are right again when all chunks are there. The payments are a millisecond apart and end when the
stocking begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from typing import Any, Final

import msgspec
import psycopg

from chuanliu.bench.target import AMOUNT, SUBJECT
from chuanliu.ids import PARTY_BASE, cell_of_order, first_id_at
from chuanliu.ledger import Chart, account_of
from chuanliu.money import parse_amount
from chuanliu.trade import ORDER_PAID, FundLine, OrderSnapshot

Progress = Callable[[int, int], None]

CHUNK: Final = 100_000
WORKERS: Final = 2

_WORKER_OF_IDS: Final = 255
"""The last that a process of the platform would lease."""

_PREPARE: Final = """
    CREATE UNLOGGED TABLE stock_payer AS
        SELECT row_number() OVER (ORDER BY c.consumer_id) - 1 AS place, c.cell, c.consumer_id AS party_id,
            a.account_id, a.balance_minor, a.entry_count
        FROM consumer c JOIN account a ON a.cell = c.cell
            AND a.account_id = (c.consumer_id - %(base)s << 18) + %(balance)s;
    CREATE UNLOGGED TABLE stock_merchant AS
        SELECT row_number() OVER (ORDER BY m.merchant_id) - 1 AS place, m.cell, m.merchant_id AS party_id,
            i.account_id, coalesce(a.balance_minor, 0) AS balance_minor, coalesce(a.entry_count, 0) AS entry_count
        FROM merchant m
        CROSS JOIN LATERAL (SELECT (m.merchant_id - %(base)s << 18) + %(receivable)s AS account_id) i
        LEFT JOIN account a ON a.cell = m.cell AND a.account_id = i.account_id
        WHERE m.merchant_id = ANY(%(merchants)s) AND m.fee_bps = 0;
    INSERT INTO account
        SELECT cell, account_id, 'buffered', 'open', 0, 0, 0, 0, now() FROM stock_merchant
        ON CONFLICT (cell, account_id) DO NOTHING
"""
_MOVE_ON: Final = """
    UPDATE account a SET balance_minor = a.balance_minor + n.entries * %(side)s, entry_count = a.entry_count + n.entries
    FROM {table} t
    CROSS JOIN (SELECT count(*) AS parties FROM {table}) c
    CROSS JOIN LATERAL (SELECT (%(count)s - t.place + c.parties - 1) / c.parties AS entries) n
    WHERE a.cell = t.cell AND a.account_id = t.account_id
"""
_NUMBER_EVENTS: Final = """
    UPDATE dispatch_state SET last_seq = last_seq + %(count)s WHERE cell = 0 RETURNING last_seq - %(count)s
"""

# What a payment is made of, once for all the tables that it goes to.
_DERIVE: Final = """
    INSERT INTO stock_payment
    SELECT i.n, i.out_trade_no, to_timestamp((%(first_millis)s + i.n) / 1000.0),
        o.id | (i.order_cell << 15), o.id | (p.cell::bigint << 15) | 1, o.id | (p.cell::bigint << 15) | 2,
        o.id | (m.cell::bigint << 15) | 3,
        i.order_cell, p.cell, m.cell, p.party_id, m.party_id, p.account_id, m.account_id,
        p.entry_count + t.payer, p.balance_minor - t.payer * %(amount)s,
        m.entry_count + t.merchant, m.balance_minor + t.merchant * %(amount)s
    FROM stock_number i
    CROSS JOIN LATERAL (SELECT %(first_id)s + (i.n << 23) AS id) o
    CROSS JOIN LATERAL (SELECT i.n / %(payers)s + 1 AS payer, i.n / %(merchants)s + 1 AS merchant) t
    JOIN stock_payer p ON p.place = i.n %% %(payers)s
    JOIN stock_merchant m ON m.place = i.n %% %(merchants)s
"""
_WORKER_TABLES: Final = """
    CREATE TEMP TABLE stock_number (n bigint, out_trade_no text, order_cell bigint);
    CREATE TEMP TABLE stock_payment (
        n bigint, out_trade_no text, at timestamptz, order_id bigint, payment_id bigint, transfer_id bigint,
        event_id bigint, order_cell smallint, payer_cell smallint, merchant_cell smallint, payer_id bigint,
        merchant_id bigint, payer_account bigint, merchant_account bigint, payer_seq bigint, payer_balance bigint,
        merchant_seq bigint, merchant_balance bigint
    )
"""
_FILL: Final = (
    """
    INSERT INTO orders (cell, order_id, merchant_id, app_id, out_trade_no, scene, subject, currency, amount_minor,
        status, buyer_id, payment_id, refunded_minor, fee_minor, fee_refunded_minor, created_at, expires_at, paid_at)
    SELECT order_cell, order_id, merchant_id, 0, out_trade_no, 'barcode', %(subject)s, 'CNY', %(amount)s,
        'TRADE_SUCCESS', payer_id, payment_id, 0, 0, 0, at, at + interval '15 minutes', at
    FROM stock_payment
    """,
    """
    INSERT INTO payment (cell, payment_id, payer_id, order_ids, currency, amount_minor, refunded_minor, status,
        created_at, completed_at)
    SELECT payer_cell, payment_id, payer_id, ARRAY[order_id], 'CNY', %(amount)s, 0, 'SUCCEEDED', at, at
    FROM stock_payment
    """,
    """
    INSERT INTO payment_leg (cell, payment_id, leg_no, method, account_id, amount_minor, refunded_minor, status)
    SELECT payer_cell, payment_id, 1, 'balance', payer_account, %(amount)s, 0, 'CAPTURED' FROM stock_payment
    """,
    """
    INSERT INTO transfer (cell, transfer_id, debit_account_id, credit_account_id, amount_minor, kind, subject_id,
        posted_at)
    SELECT payer_cell, transfer_id, payer_account, merchant_account, %(amount)s, 'payment', payment_id, at
    FROM stock_payment
    """,
    """
    INSERT INTO entry (cell, account_id, seq, transfer_id, amount_minor, balance_minor)
    SELECT payer_cell, payer_account, payer_seq, transfer_id, -%(amount)s, payer_balance FROM stock_payment
    UNION ALL
    SELECT merchant_cell, merchant_account, merchant_seq, transfer_id, %(amount)s, merchant_balance FROM stock_payment
    """,
    """
    INSERT INTO event (cell, merchant_id, seq, event_id, kind, subject_id, payload, created_at)
    SELECT merchant_cell, merchant_id, %(last_seq)s + n + 1, event_id, %(kind)s, order_id, convert_to(format(
        %(payload)s, order_id, merchant_id, out_trade_no, (%(first_millis)s + n) * 1000, payer_id, payment_id
        ), 'UTF8'), at
    FROM stock_payment
    """,
)
_TABLES: Final = ("orders", "payment", "payment_leg", "transfer", "entry", "event", "account")


class _Stock(msgspec.Struct, frozen=True):
    """What all chunks have in common. Payment `n` is that of payer and merchant `n` modulo their number."""

    merchants: tuple[int, ...]
    values: dict[str, Any]


def stock_payments(database_url: str, merchants: Sequence[int], count: int, progress: Progress | None = None) -> None:
    """Make `count` payments of all consumers, in turn, to these merchants, which take no fee.

    `progress` hears how many are done, and of how many. Nothing may be paid meanwhile. Raises `ValueError` for a
    merchant that is not there or takes a fee, and where nobody can pay.
    """
    stock = _begin(database_url, tuple(sorted(merchants)), count)
    chunks = [range(first, min(first + CHUNK, count)) for first in range(0, count, CHUNK)]
    idle: SimpleQueue[psycopg.Connection[Any]] = SimpleQueue()

    def fill(numbers: range) -> int:
        connection = idle.get()
        try:
            _fill(connection, stock, numbers)
        finally:
            idle.put(connection)
        return len(numbers)

    done = 0
    with ExitStack() as stack:
        for _ in range(WORKERS):
            connection = stack.enter_context(_connect(database_url))
            connection.execute(_WORKER_TABLES)
            connection.commit()
            idle.put(connection)
        pool = stack.enter_context(ThreadPoolExecutor(WORKERS))
        for future in as_completed([pool.submit(fill, chunk) for chunk in chunks]):
            done += future.result()
            if progress is not None:
                progress(done, count)
    _finish(database_url)


def _connect(database_url: str) -> psycopg.Connection[Any]:
    """Parameters are bound on this side: statements that define tables take none."""
    connection = psycopg.connect(database_url, cursor_factory=psycopg.ClientCursor)
    connection.execute("SET synchronous_commit = off")
    return connection


def _begin(database_url: str, merchants: tuple[int, ...], count: int) -> _Stock:
    zero = PARTY_BASE
    amount = parse_amount(AMOUNT)
    with _connect(database_url) as connection:
        connection.execute(
            _PREPARE,
            {
                "base": PARTY_BASE,
                "balance": account_of(zero, Chart.CONSUMER_BALANCE, "CNY"),
                "receivable": account_of(zero, Chart.MERCHANT_RECEIVABLE, "CNY"),
                "merchants": list(merchants),
            },
        )
        counted = connection.execute(
            "SELECT (SELECT count(*) FROM stock_payer), (SELECT count(*) FROM stock_merchant)"
        ).fetchone()
        payers, sellers = counted or (0, 0)
        if not payers or sellers != len(merchants):
            raise ValueError(f"{payers} consumers can pay {sellers} of {len(merchants)} merchants without a fee")
        for table, side in (("stock_payer", -amount), ("stock_merchant", amount)):
            connection.execute(_MOVE_ON.format(table=table), {"side": side, "count": count})
        numbered = connection.execute(_NUMBER_EVENTS, {"count": count}).fetchone()
    first_millis = time.time_ns() // 1_000_000 - count
    values = {
        "amount": amount,
        "subject": SUBJECT,
        "kind": ORDER_PAID,
        "payload": _event_template(amount),
        "last_seq": int(numbered[0]) if numbered else 0,
        "first_millis": first_millis,
        "first_id": first_id_at(first_millis) | _WORKER_OF_IDS << 7,
        "payers": payers,
        "merchants": sellers,
    }
    return _Stock(merchants, values)


def _event_template(amount_minor: int) -> str:
    """What merchants are told of a payment, as a format of PostgreSQL: the places are in the order of `_FILL`."""
    places = {f"%{place}$s": 10**18 + place for place in range(1, 7)}
    order, merchant, number, at, payer, payment = places.values()
    snapshot = OrderSnapshot(
        order_id=order,
        merchant_id=merchant,
        app_id=0,
        out_trade_no=str(number),
        status="TRADE_SUCCESS",
        scene="barcode",
        subject=SUBJECT,
        currency="CNY",
        amount_minor=amount_minor,
        refunded_minor=0,
        created_at=at,
        paid_at=at,
        buyer_id=payer,
        payment_id=payment,
        funds=(FundLine("balance", amount_minor),),
    )
    text = msgspec.json.encode(snapshot).decode()
    for place, value in places.items():
        text = text.replace(str(value), place)
    return text


def _fill(connection: psycopg.Connection[Any], stock: _Stock, numbers: range) -> None:
    with connection.transaction():
        connection.execute("TRUNCATE stock_number, stock_payment")
        with connection.cursor() as cursor, cursor.copy("COPY stock_number FROM STDIN") as copy:
            copy.write("".join(_lines(stock, numbers)))
        for statement in (_DERIVE, *_FILL):
            connection.execute(statement, stock.values)


def _lines(stock: _Stock, numbers: range) -> Iterator[str]:
    merchants = stock.merchants
    for n in numbers:
        out_trade_no = f"stock_{stock.values['first_millis']}_{n:09d}"
        yield f"{n}\t{out_trade_no}\t{cell_of_order(merchants[n % len(merchants)], out_trade_no)}\n"


def _finish(database_url: str) -> None:
    """Leave the tables as a database that has grown slowly would have them: vacuumed, counted, and on disk."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP TABLE stock_payer, stock_merchant")
        for table in _TABLES:
            connection.execute(f"VACUUM (ANALYZE) {table}")
        with suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute("CHECKPOINT")
