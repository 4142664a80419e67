"""The merchant's own account."""

from __future__ import annotations

from typing import Final

from chuanliu.clock import iso_text
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.account_documents import (
    Balance,
    BalanceQuery,
    Statement,
    StatementLine,
    StatementQuery,
    signed_amount,
)
from chuanliu.gateway.native.operation import Answer, Call, Operation
from chuanliu.gateway.native.reading_store import reading
from chuanliu.gateway.native.rendering import encode
from chuanliu.ledger import Chart, account_of, statement_store


async def show_balance(services: Services, call: Call) -> Answer:
    """What the merchant is owed, to the last committed payment."""
    query: BalanceQuery = call.query
    account = account_of(call.merchant_id, Chart.MERCHANT_RECEIVABLE, query.currency)
    async with reading(services) as connection:
        found = await statement_store.read_statement(connection, account, limit=0)
    minor = found.balance_minor if found is not None else 0
    return Answer(200, encode(Balance(signed_amount(minor, query.currency))))


async def show_statement(services: Services, call: Call) -> Answer:
    """Numbered movements behind a number."""
    query: StatementQuery = call.query
    account = account_of(call.merchant_id, Chart.MERCHANT_RECEIVABLE, query.currency)
    async with reading(services) as connection:
        found = await statement_store.read_statement(connection, account, after_seq=query.after_seq, limit=query.limit)
    if found is None:
        nothing = signed_amount(0, query.currency)
        return Answer(200, encode(Statement((), nothing, nothing, query.after_seq)))
    lines = tuple(
        StatementLine(
            line.seq,
            str(line.transfer_id),
            iso_text(line.posted_at),
            line.kind,
            str(line.subject_id),
            signed_amount(line.amount_minor, query.currency),
            signed_amount(line.balance_minor, query.currency),
        )
        for line in found.lines
    )
    document = Statement(
        lines,
        signed_amount(found.balance_minor, query.currency),
        signed_amount(found.unfolded_minor, query.currency),
        lines[-1].seq if lines else query.after_seq,
    )
    return Answer(200, encode(document))


OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/balance",
        show_balance,
        "Read your balance",
        tag="Account",
        query=BalanceQuery,
        response=Balance,
        errors=("currency_not_supported",),
    ),
    Operation(
        "GET",
        "/v1/statement",
        show_statement,
        "Read the movements of your balance",
        tag="Account",
        query=StatementQuery,
        response=Statement,
        errors=("currency_not_supported",),
    ),
)
