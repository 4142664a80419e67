"""The sandbox's demo consumers, for the sign-in page."""

from __future__ import annotations

from typing import Any, Final

from psycopg_pool import AsyncConnectionPool

from chuanliu.gateway.cashier.stages import masked_name
from chuanliu.ids import SHADOW_OFFSET, cell_of_party
from chuanliu.ledger import Chart, account_of
from chuanliu.web import DemoConsumer

_DEMO_MAX: Final = 4
_CONSUMERS: Final = """
    SELECT consumer_id, name FROM consumer WHERE cell < %s AND status = 'active' ORDER BY cell, consumer_id LIMIT %s
"""
_BALANCES: Final = """
    SELECT account_id, balance_minor - held_minor FROM account WHERE cell = ANY (%s) AND account_id = ANY (%s)
"""


async def demo_consumers(reads: AsyncConnectionPool[Any]) -> tuple[DemoConsumer, ...]:
    """A few consumers with their balances, always the same ones. Only for the sandbox."""
    async with reads.connection() as connection:
        cursor = await connection.execute(_CONSUMERS, [SHADOW_OFFSET, _DEMO_MAX])
        found = await cursor.fetchall()
        accounts = {number: account_of(number, Chart.CONSUMER_BALANCE, "CNY") for number, _ in found}
        cells = [cell_of_party(number) for number in accounts]
        cursor = await connection.execute(_BALANCES, [cells, list(accounts.values())])
        balances = dict(await cursor.fetchall())
    return tuple(
        DemoConsumer(str(number), masked_name(name), balances.get(accounts[number], 0)) for number, name in found
    )
