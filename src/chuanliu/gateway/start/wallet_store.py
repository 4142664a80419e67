"""The sandbox's wallets: balances and payment codes, read from the database so that all processes show the same."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from typing import Final

from chuanliu.clock import MINUTE, Micros
from chuanliu.gateway.composition import Services
from chuanliu.gateway.start.roster import SandboxConsumer
from chuanliu.ids import account_cell
from chuanliu.ledger import Chart, account_of
from chuanliu.parties import MintCodes, TopUp, payment_code_number
from chuanliu.web import Wallet

SHOWN_MAX: Final = 4
CODE_LASTS: Final[Micros] = 5 * MINUTE
LOW_MINOR: Final = 2_000_00
TOP_UP_MINOR: Final = 10_000_00
_CACHED_S: Final = 1.0
_CURRENCY: Final = "CNY"

_BALANCES: Final = """
    SELECT account_id, balance_minor - held_minor FROM account
    WHERE cell = ANY (%(cells)s) AND account_id = ANY (%(accounts)s)
"""
# By the index on expiry: live codes are few, whatever was minted before. A code that ends soon is not shown any more;
# of several the first to end is, so that no code minted later takes its place.
_CODES: Final = """
    SELECT DISTINCT ON (consumer_id) consumer_id, code FROM payment_code
    WHERE expires_at > now() + interval '1 minute' AND used_at IS NULL AND consumer_id = ANY (%(consumers)s)
    ORDER BY consumer_id, expires_at, code
"""


def _balance_account(consumer: SandboxConsumer) -> int:
    return account_of(int(consumer.user_id), Chart.CONSUMER_BALANCE, _CURRENCY)


class WalletReader:
    """Wallets of the sandbox's consumers. A wallet that runs low gets more of its play money."""

    def __init__(self, services: Services, consumers: Sequence[SandboxConsumer]) -> None:
        self._services = services
        self._consumers = tuple(consumers[:SHOWN_MAX])
        self._lock = asyncio.Lock()
        self._wallets: tuple[Wallet, ...] = ()
        self._read_at = -_CACHED_S

    async def shown(self) -> tuple[Wallet, ...]:
        """The wallets that the start page shows, each with a code that still lasts for a minute."""
        async with self._lock:
            if time.monotonic() - self._read_at >= _CACHED_S:
                self._wallets = await self._read()
                self._read_at = time.monotonic()
        return self._wallets

    async def fresh_code(self, consumer: SandboxConsumer) -> str:
        """Mint a code and return its digits; a wallet that runs low is topped up on the way."""
        balances, _ = await self._stored((consumer,))
        if balances.get(consumer.user_id, 0) < LOW_MINOR:
            await self._services.engine.submit(TopUp(int(consumer.user_id), TOP_UP_MINOR))
        return await self._mint(consumer)

    async def _read(self) -> tuple[Wallet, ...]:
        balances, codes = await self._stored(self._consumers)
        bare = [consumer for consumer in self._consumers if consumer.user_id not in codes]
        minted = {consumer.user_id: await self._mint(consumer) for consumer in bare}
        if bare:
            # Another process may have minted at the same time: show what it shows.
            _, stored = await self._stored(bare)
            codes |= minted | stored
        return tuple(
            Wallet(one.user_id, one.masked_name, balances.get(one.user_id, 0), codes[one.user_id], _CURRENCY)
            for one in self._consumers
        )

    async def _stored(self, consumers: Sequence[SandboxConsumer]) -> tuple[dict[str, int], dict[str, str]]:
        """Balances and present codes by user number."""
        accounts = {_balance_account(consumer): consumer.user_id for consumer in consumers}
        cells = list({account_cell(account) for account in accounts})
        numbers = [int(consumer.user_id) for consumer in consumers]
        async with self._services.reads.connection() as connection:
            values = {"cells": cells, "accounts": list(accounts)}
            balances = await (await connection.execute(_BALANCES, values)).fetchall()
            codes = await (await connection.execute(_CODES, {"consumers": numbers})).fetchall()
        return {accounts[account]: minor for account, minor in balances}, {str(who): str(code) for who, code in codes}

    async def _mint(self, consumer: SandboxConsumer) -> str:
        number = payment_code_number(secrets.randbelow(10**16))
        await self._services.engine.submit(MintCodes(int(consumer.user_id), (number,), CODE_LASTS))
        return str(number)
