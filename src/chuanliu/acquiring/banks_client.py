"""The banks of one process: a connector for each product, opened when it is first used, one call after another.

A call is made once by whoever recorded it. What the bank answers is recorded by a command; whatever goes wrong on the
way is left to the sweeper.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import structlog

from chuanliu.acquiring.requests import request_of
from chuanliu.connectors import (
    BankAnswer,
    BankConnector,
    CardData,
    CreditPayParties,
    LinkSettings,
    SigningKey,
    open_connector,
)
from chuanliu.engine import Engine
from chuanliu.errors import ChuanliuError, NotFound
from chuanliu.funding import BankCall
from chuanliu.lenders import Product, StoredCard, find_product, open_card, terms_of
from chuanliu.parties import PlatformKey, Vault, current_platform_key
from chuanliu.trade import IN_PROGRESS, PayOutcome, RecordBankAnswer

log = structlog.get_logger()

ANSWER_WITHIN_S: Final = 8.0
"""How long an authorisation may take; afterwards its outcome is unknown, and inquired."""

PAYER_WAITS_S: Final = 5.0
"""How long the request that pays waits for the bank; then the payment is shown as in progress."""

_UNKNOWN: Final = BankAnswer("unknown", "bank_no_answer")

_Way = tuple[str, str, int, tuple[tuple[str, str], ...]]
"""Wire, endpoint, our key, the bank's keys."""


class BankState(NamedTuple):
    """How it stands with the bank of one product in this process. While the breaker is open it is not asked."""

    product: str
    endpoint: str
    breaker_open: bool
    in_flight: int
    counts: Mapping[str, int]


class Banks:
    """Asks banks and records their answers. `close` when the process ends.

    `answer_within_s` bounds one call, and must leave time to record its answer within `funding.ANSWER_WITHIN`. `link`
    bounds the links to banks of ISO 8583.
    """

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        *,
        answer_within_s: float = ANSWER_WITHIN_S,
        link: LinkSettings | None = None,
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._answer_within_s = answer_within_s
        self._link = link
        self._connectors: dict[int, tuple[_Way, BankConnector]] = {}
        self._retiring: set[asyncio.Task[None]] = set()
        self._under_way: set[asyncio.Task[PayOutcome | None]] = set()
        self._closing = False

    async def settle(self, outcome: PayOutcome, waits_s: float = PAYER_WAITS_S) -> PayOutcome:
        """Make the call that a payment has put on record, and return the payment with its answer.

        Anything without such a call comes back as it is. When the payer has waited long enough the payment is in
        progress, and the call goes on without her.
        """
        pending = outcome.pending
        if outcome.result != IN_PROGRESS or pending is None:
            return outcome
        if pending.call.due_at <= time.time_ns() // 1000:
            # This process has slept: the sweeper asks about the call already, and may have reversed it.
            log.warning("a call was not made in time", call_id=str(pending.call.call_id))
            return outcome
        task = self._begin(pending.call, outcome.order.merchant_id, pending.card, pending.account)
        done, _ = await asyncio.wait([task], timeout=waits_s)
        if not done or task.cancelled() or task.exception() is not None:
            return outcome
        return task.result() or outcome

    def _begin(
        self, call: BankCall, merchant_id: int, card: StoredCard | None, account: str | None
    ) -> asyncio.Task[PayOutcome | None]:
        """Make a call whether anybody waits for it or not."""
        task = asyncio.create_task(self.make(call, merchant_id, card, account))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[PayOutcome | None]) -> None:
        """What the bank has answered may not have been recorded: then the sweeper asks again."""
        self._under_way.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            expected = isinstance(error, ChuanliuError)
            log.warning("an answer was not recorded", error=str(error), exc_info=None if expected else error)

    async def make(
        self,
        call: BankCall,
        merchant_id: int,
        card: StoredCard | None,
        account: str | None,
        *,
        inquire: bool = False,
    ) -> PayOutcome | None:
        """Ask the bank once and record what it says; then make the call that follows, such as a completion, beside.

        Raises what recording raises.
        """
        answer = await self._ask(call, merchant_id, card, account, inquire=inquire)
        outcome = await self._engine.submit(
            RecordBankAnswer(
                call.call_id,
                answer.verdict,
                answer.reason,
                answer.reference,
                answer.raw_code,
                inquired=inquire,
                asked=call,
            )
        )
        if outcome is not None and outcome.pending is not None and not self._closing:
            self._begin(outcome.pending.call, merchant_id, card, account)
        return outcome

    async def _ask(
        self,
        call: BankCall,
        merchant_id: int,
        card: StoredCard | None,
        account: str | None,
        *,
        inquire: bool,
    ) -> BankAnswer:
        reference = self._engine.reference
        try:
            product = find_product(reference, call.product_id)
            if product is None:
                return _UNKNOWN
            connector = self._connector(product)
            data: CardData | None = open_card(self._vault, card) if card is not None else None
            request = request_of(reference, call, merchant_id, data, account, inquire=inquire)
        except (ChuanliuError, ValueError) as error:
            # A product that is not configured well, or a card that cannot be opened: nothing was sent.
            log.error("a bank cannot be asked", product_id=str(call.product_id), error=type(error).__name__)
            first = call.kind == "authorise" and not inquire
            return BankAnswer("refused", "bank_unavailable") if first else _UNKNOWN
        return await connector.ask(request, self._answer_within_s)

    def _connector(self, product: Product) -> BankConnector:
        """The one that is open, unless the bank has moved or somebody's keys have changed."""
        platform_key = self._signing_key() if product.connector == "credit-pay" else None
        way = (
            product.connector or "",
            product.endpoint or "",
            platform_key.key_id if platform_key is not None else 0,
            terms_of(product).bank_keys,
        )
        known = self._connectors.get(product.product_id)
        if known is not None:
            if known[0] == way:
                return known[1]
            retiring = asyncio.create_task(self._retire(known[1]))
            self._retiring.add(retiring)
            retiring.add_done_callback(self._retiring.discard)
        parties = self._parties(product, platform_key) if platform_key is not None else None
        connector = open_connector(way[0], way[1], self._link, parties=parties)
        self._connectors[product.product_id] = (way, connector)
        return connector

    async def _retire(self, connector: BankConnector) -> None:
        """Close what nobody asks any more, when its last answer has come."""
        try:
            await asyncio.sleep(self._answer_within_s)
        finally:
            await connector.close()

    def _signing_key(self) -> PlatformKey:
        platform_key = current_platform_key(self._engine.reference, "signing")
        if platform_key is None:
            raise NotFound("key_not_found")
        return platform_key

    def _parties(self, product: Product, platform_key: PlatformKey) -> CreditPayParties:
        return CreditPayParties(
            product.code,
            SigningKey(str(platform_key.key_id), self._vault.platform_private_key(platform_key)),
            dict(terms_of(product).bank_keys),
        )

    def states(self) -> list[BankState]:
        """Of every bank that was asked since the start."""
        found = []
        for product_id, (way, connector) in self._connectors.items():
            product = find_product(self._engine.reference, product_id)
            code = str(product_id) if product is None else product.code
            is_open = not connector.breaker.closed
            found.append(BankState(code, way[1], is_open, connector.in_flight, connector.counts))
        return found

    async def close(self) -> None:
        """Let calls under way end, then close all links. What would follow them is left to the sweeper."""
        self._closing = True
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._answer_within_s)
        for retiring in self._retiring:
            retiring.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        await asyncio.gather(*(connector.close() for _, connector in self._connectors.values()))
