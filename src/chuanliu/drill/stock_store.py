"""What a drill takes from the database: fresh payment codes before, and at the end everything that is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from chuanliu.bench import mint_codes
from chuanliu.drill.bank_books import OurCall
from chuanliu.drill.checks import Books, StoredOrder
from chuanliu.drill.event_client import plain_request_no
from chuanliu.ledger import Chart, account_of

_ORDERS: Final = """
    SELECT order_id, merchant_id, out_trade_no, amount_minor, status, refunded_minor FROM orders
    WHERE merchant_id = ANY (%s)
"""
_PAYMENTS: Final = """
    SELECT o.order_id, p.amount_minor, p.payer_id FROM payment p, unnest(p.order_ids) AS o (order_id)
    WHERE p.status = 'SUCCEEDED'
"""
_REFUNDS: Final = "SELECT order_id, out_request_no, amount_minor FROM refund WHERE status = 'SUCCEEDED'"
_BALANCES: Final = """
    SELECT account_id, balance_minor + coalesce((
        SELECT sum(d.amount_minor) FROM delta d WHERE d.account_id = account.account_id
    ), 0)::bigint
    FROM account WHERE account_id = ANY (%s)
"""
_SEQUENCES: Final = "SELECT merchant_id, seq FROM event WHERE merchant_id = ANY (%s) ORDER BY seq"
_LOG: Final = "SELECT count(*), coalesce(max(seq), 0) FROM event"
_BACKLOG: Final = """
    SELECT (SELECT count(*) FROM outbox) AS events, (SELECT count(*) FROM delta) AS deltas,
        (SELECT count(*) FROM delivery WHERE status = 'due') AS deliveries,
        (SELECT count(*) FROM bank_call WHERE status = 'due') AS bank_calls,
        (SELECT count(*) FROM payment WHERE status IN ('AUTHORISING', 'UNKNOWN')) AS open_payments
"""
_HURRY: Final = """
    UPDATE bank_call SET due_at = now() WHERE status = 'due' AND due_at > now() AND due_at < now() + interval '300 days'
"""
_BANK_CALLS: Final = """
    SELECT p.code, c.call_id, c.kind, c.status, c.amount_minor, c.original_call_id
    FROM bank_call c JOIN product p ON p.product_id = c.product_id
"""

Connection = psycopg.Connection[Any]


def mint(database_url: str, count: int, payers: int) -> list[tuple[str, int]]:
    """Fresh payment codes, each with the consumer whose it is. Raises `psycopg.Error` while the database is away."""
    codes = mint_codes(database_url, count, payers)
    with psycopg.connect(database_url, connect_timeout=2) as connection:
        rows = connection.execute(
            "SELECT code, consumer_id FROM payment_code WHERE code = ANY (%s)", [[int(code) for code in codes]]
        ).fetchall()
    return [(str(code), int(consumer)) for code, consumer in rows]


def consumer_balances(database_url: str) -> dict[int, int]:
    """Every consumer's balance in minor units."""
    with psycopg.connect(database_url) as connection:
        consumers = [int(row[0]) for row in connection.execute("SELECT consumer_id FROM consumer")]
        return _balances(connection, consumers, Chart.CONSUMER_BALANCE)


def backlog(database_url: str) -> dict[str, int]:
    """Rows that wait for the dispatcher, the folder, the sender, and for banks."""
    with psycopg.connect(database_url, connect_timeout=2, row_factory=dict_row) as connection:
        row = connection.execute(_BACKLOG).fetchone() or {}
    return {name: int(count) for name, count in row.items()}


def hurry_banks(database_url: str) -> None:
    """Let the pauses between two questions to a bank be over. Raises `psycopg.Error` while the database is away."""
    with psycopg.connect(database_url, connect_timeout=2, autocommit=True) as connection:
        connection.execute(_HURRY)


def bank_calls(database_url: str) -> list[OurCall]:
    """All calls to banks."""
    with psycopg.connect(database_url) as connection:
        return [OurCall(*row) for row in connection.execute(_BANK_CALLS)]


def end_a_backend(database_url: str) -> bool:
    """End one of the platform's sessions on a server whose processes cannot be killed; False where there is none."""
    with psycopg.connect(database_url, connect_timeout=2, autocommit=True) as connection:
        row = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY random() LIMIT 1"
        ).fetchone()
    return row is not None


def read_books(database_url: str, sellers: Collection[int], consumers_before: Mapping[int, int]) -> Books:
    """All that is stored of some sellers and of the consumers, in one snapshot."""
    chosen = list(sellers)
    with psycopg.connect(database_url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        payments: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for order_id, amount_minor, payer_id in connection.execute(_PAYMENTS):
            payments[order_id].append((amount_minor, payer_id))
        refunds: defaultdict[int, dict[str, int]] = defaultdict(dict)
        for order_id, request_no, amount_minor in connection.execute(_REFUNDS):
            refunds[order_id][plain_request_no(request_no)] = amount_minor
        orders = [
            StoredOrder(order_id, seller, number, amount, status, refunded, payments[order_id], refunds[order_id])
            for order_id, seller, number, amount, status, refunded in connection.execute(_ORDERS, [chosen])
        ]
        sequences: defaultdict[int, list[int]] = defaultdict(list)
        for seller, sequence in connection.execute(_SEQUENCES, [chosen]):
            sequences[seller].append(sequence)
        events, last = connection.execute(_LOG).fetchone() or (0, 0)
        return Books(
            orders={(order.seller_id, order.number): order for order in orders},
            consumers_before=dict(consumers_before),
            consumers_after=_balances(connection, list(consumers_before), Chart.CONSUMER_BALANCE),
            sellers_after=_balances(connection, chosen, Chart.MERCHANT_RECEIVABLE),
            sequences=dict(sequences),
            last_sequence=last,
            events=events,
        )


def _balances(connection: Connection, parties: Sequence[int], chart: Chart) -> dict[int, int]:
    owners = {account_of(party, chart, "CNY"): party for party in parties}
    return {owners[account]: int(balance) for account, balance in connection.execute(_BALANCES, [list(owners)])}
