"""Reading what a consumer's questions are answered from. Everything is hers: by her number, her accounts, her cards."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import psycopg
from psycopg.rows import class_row, tuple_row

from chuanliu.assistant.questions.facts import Facts, PaymentSeen, Posting, RefundSeen
from chuanliu.bills import FindFeedLines, FindStandings, FindStatements
from chuanliu.clock import Micros, business_date
from chuanliu.engine import Engine
from chuanliu.ids import cell_of_party
from chuanliu.instalments import FindPlans
from chuanliu.ledger import Chart, account_of
from chuanliu.lenders import LENDER, FindInstruments, line_account
from chuanliu.parties import FindConsumer, find_merchant

POSTINGS_MAX: Final = 2000
"""Postings of one account that are read, the newest."""

PAYMENTS_MAX: Final = 4000

_POSTINGS: Final = """
    SELECT e.account_id, e.seq, e.transfer_id, (extract(epoch FROM t.posted_at) * 1000000)::bigint AS posted_at,
        t.kind, t.subject_id, e.amount_minor
    FROM unnest(%(accounts)s::bigint[]) AS a (account_id)
    CROSS JOIN LATERAL (
        SELECT * FROM entry e WHERE e.cell = %(cell)s AND e.account_id = a.account_id
        ORDER BY e.seq DESC LIMIT %(limit)s
    ) e
    JOIN transfer t ON t.transfer_id = e.transfer_id AND t.cell = (e.transfer_id >> 15 & 255)::smallint
    ORDER BY e.account_id, e.seq
"""
# A card's payments have no entry on an account of hers: they are found by their legs.
_PAYMENTS: Final = """
    SELECT y.payment_id, (extract(epoch FROM coalesce(y.completed_at, y.created_at)) * 1000000)::bigint, y.order_ids,
        o.out_trade_no, o.subject, o.merchant_id, y.amount_minor, y.currency,
        (SELECT min(l.instrument_id) FROM payment_leg l WHERE l.cell = y.cell AND l.payment_id = y.payment_id)
    FROM (
        SELECT unnest(%(payments)s::bigint[]) AS payment_id
        UNION
        (SELECT l.payment_id FROM payment_leg l WHERE l.cell = %(cell)s AND l.instrument_id = ANY (%(instruments)s)
         ORDER BY l.payment_id DESC LIMIT %(limit)s)
    ) p
    JOIN payment y ON y.cell = %(cell)s AND y.payment_id = p.payment_id
    JOIN orders o ON o.order_id = y.order_ids[1] AND o.cell = (y.order_ids[1] >> 15 & 255)::smallint
    WHERE y.payer_id = %(consumer)s AND y.status = 'SUCCEEDED'
    ORDER BY y.payment_id
"""
_REFUNDS: Final = """
    SELECT r.refund_id, r.payment_id, (extract(epoch FROM r.created_at) * 1000000)::bigint AS created_at, r.status,
        r.amount_minor, r.out_request_no AS request_no
    FROM unnest(%(orders)s::bigint[]) AS o (order_id)
    JOIN refund r ON r.order_id = o.order_id AND r.cell = (o.order_id >> 15 & 255)::smallint
    WHERE r.payment_id = ANY (%(payments)s) ORDER BY r.refund_id
"""


async def read_facts(engine: Engine, connection: psycopg.AsyncConnection[Any], consumer_id: int, now: Micros) -> Facts:
    """What this consumer's questions are answered from. Raises `NotFound(consumer_not_found)`."""
    consumer, views, plans, statements, feed = await asyncio.gather(
        engine.ask(FindConsumer(consumer_id)),
        engine.ask(FindInstruments(consumer_id, closed=True)),
        engine.ask(FindPlans(consumer_id)),
        engine.ask(FindStatements(consumer_id)),
        engine.ask(FindFeedLines(consumer_id)),
    )
    numbers = tuple(each.instrument.instrument_id for each in views if each.instrument.line_no is not None)
    standings = await engine.ask(FindStandings(consumer_id, numbers)) if numbers else ()
    account, currency = consumer.account, "CNY"
    balance = account_of(consumer_id, Chart.CONSUMER_BALANCE, currency)
    lines = (line_account(engine.reference, each.instrument) for each in views)
    accounts = [balance, *(number for number in lines if number is not None)]
    postings = await _postings(connection, cell_of_party(consumer_id), accounts)
    payments = await _payments(
        connection, engine, consumer_id, postings, [each.instrument.instrument_id for each in views]
    )
    refunds = await _refunds(connection, payments)
    read = [sum(each.account_id == number for each in postings) for number in accounts]
    return Facts(
        consumer_id=consumer_id,
        today=business_date(now),
        balance_minor=0 if account is None else account.balance_minor - account.held_minor,
        balance_account=balance,
        balance_currency=currency,
        views=views,
        statements=statements,
        plans=plans,
        standings=standings,
        postings=tuple(postings),
        payments=tuple(payments),
        refunds=tuple(refunds),
        feed=feed,
        is_complete=max(read) < POSTINGS_MAX and len(payments) < PAYMENTS_MAX,
    )


async def _postings(connection: psycopg.AsyncConnection[Any], cell: int, accounts: list[int]) -> list[Posting]:
    async with connection.cursor(row_factory=class_row(Posting)) as cursor:
        await cursor.execute(_POSTINGS, {"cell": cell, "accounts": accounts, "limit": POSTINGS_MAX})
        return await cursor.fetchall()


async def _payments(
    connection: psycopg.AsyncConnection[Any],
    engine: Engine,
    consumer_id: int,
    postings: list[Posting],
    instruments: list[int],
) -> list[PaymentSeen]:
    posted = {each.subject_id: each.posted_at for each in postings if each.kind == "payment"}
    async with connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(
            _PAYMENTS,
            {
                "cell": cell_of_party(consumer_id),
                "consumer": consumer_id,
                "payments": list(posted),
                "instruments": instruments,
                "limit": POSTINGS_MAX,
            },
        )
        rows = await cursor.fetchall()
    found = []
    for payment_id, completed_at, orders, number, subject, merchant_id, amount, code, instrument in rows:
        merchant = find_merchant(engine.reference, merchant_id)
        shop = "" if merchant is None else merchant.name
        # What the ledger says of when it moved goes before what the payment says.
        is_repayment = engine.reference.get(LENDER, cell_of_party(merchant_id), merchant_id) is not None
        paid_at: Micros = posted.get(payment_id) or completed_at
        found.append(
            PaymentSeen(
                payment_id,
                paid_at,
                tuple(orders),
                number,
                subject,
                merchant_id,
                shop,
                amount,
                code,
                instrument,
                is_repayment,
            )
        )
    return sorted(found, key=lambda each: (each.paid_at, each.payment_id))


async def _refunds(connection: psycopg.AsyncConnection[Any], payments: list[PaymentSeen]) -> list[RefundSeen]:
    orders = [order_id for each in payments for order_id in each.order_ids]
    async with connection.cursor(row_factory=class_row(RefundSeen)) as cursor:
        await cursor.execute(_REFUNDS, {"orders": orders, "payments": [each.payment_id for each in payments]})
        return await cursor.fetchall()
