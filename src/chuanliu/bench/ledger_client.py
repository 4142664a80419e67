"""Posts transfers in large batches straight into the engine of a process, without any wire in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from itertools import count
from typing import Any, Final, TypeVar

import msgspec
import uvloop

from chuanliu.bench.histogram import Histogram
from chuanliu.engine import Engine, EngineSettings, LaneLimits
from chuanliu.errors import ChuanliuError
from chuanliu.ids import party_number
from chuanliu.ledger import SANDBOX, Chart, OpenAccount, PostTransfer, account_of
from chuanliu.runtime import calm_collector

Result = TypeVar("Result")

PAYERS_FROM: Final = 500_000_000
SELLERS_FROM: Final = 600_000_000
BALANCE_MINOR: Final = 10_000_000_00
_CHUNK: Final = 1000
_STRIDE: Final = 7919
"""Prime, so that consecutive transfers meet different payers in each pass."""


class PostingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """`in_flight` batches of `batch` transfers are under way for each lane, so that one gathers while another commits.

    There should be more payers than transfers under way, or batches wait for each other's rows.
    """

    database_url: str
    batch: int = 4000
    in_flight: int = 2
    lanes: int = 1
    payers: int = 10_000
    sellers: int = 100


class PostingResult(msgspec.Struct, frozen=True, kw_only=True):
    """Transfers acknowledged, the refused among them by code, and the latency of whole batches."""

    seconds: float
    posted: int
    refused: dict[str, int]
    latency: dict[int, int]
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Transfers posted per second."""
        return self.posted / self.seconds if self.seconds > 0 else 0.0


def stock_accounts(plan: PostingPlan) -> int:
    """Open the payers' accounts and fund them from the sandbox; what exists already is kept. Returns transfers made."""
    return _run(_stock(plan))


def post_transfers(plan: PostingPlan, seconds: float, first: int) -> PostingResult:
    """Post payer-to-seller transfers of one minor unit for some seconds. `first` numbers the round's first transfer."""
    return _run(_post(plan, seconds, first))


def _engine(plan: PostingPlan) -> Engine:
    rows = plan.batch * 8
    limits = LaneLimits(queue=plan.batch * plan.lanes * (plan.in_flight + 1), batch=plan.batch, rows=max(20_000, rows))
    return Engine(EngineSettings(conninfo=plan.database_url, lanes=plan.lanes, limits=limits), ())


async def _stock(plan: PostingPlan) -> int:
    engine = _engine(plan)
    await engine.start()
    try:
        source = account_of(SANDBOX, Chart.SANDBOX_FUNDING, "CNY")
        funded = 0
        for start in range(0, plan.payers, _CHUNK):
            payers = [party_number(PAYERS_FROM + n) for n in range(start, min(start + _CHUNK, plan.payers))]
            opened = await asyncio.gather(
                *(engine.submit(OpenAccount(payer, Chart.CONSUMER_BALANCE, "CNY")) for payer in payers),
                return_exceptions=True,
            )
            fresh = [p for p, outcome in zip(payers, opened, strict=True) if not isinstance(outcome, ChuanliuError)]
            transfers = [
                PostTransfer(source, account_of(payer, Chart.CONSUMER_BALANCE, "CNY"), BALANCE_MINOR, "sandbox")
                for payer in fresh
            ]
            for result in await engine.submit_all(transfers):
                if isinstance(result, ChuanliuError):
                    raise result
            funded += len(transfers)
        return funded
    finally:
        await engine.close()


async def _post(plan: PostingPlan, seconds: float, first: int) -> PostingResult:
    engine = _engine(plan)
    await engine.start()
    histogram = Histogram()
    refused: dict[str, int] = {}
    payers = [account_of(party_number(PAYERS_FROM + n), Chart.CONSUMER_BALANCE, "CNY") for n in range(plan.payers)]
    sellers = [
        account_of(party_number(SELLERS_FROM + n), Chart.MERCHANT_RECEIVABLE, "CNY") for n in range(plan.sellers)
    ]
    posted = 0
    numbers = count(first)
    calm_collector()

    async def post_until(ends_at: float) -> None:
        nonlocal posted
        while (began := time.perf_counter()) < ends_at:
            transfers = [
                PostTransfer(payers[n * _STRIDE % plan.payers], sellers[n % plan.sellers], 1, "bench")
                for n in (next(numbers) for _ in range(plan.batch))
            ]
            for result in await engine.submit_all(transfers):
                if isinstance(result, int):
                    posted += 1
                else:
                    refused[result.code] = refused.get(result.code, 0) + 1
            histogram.record(int((time.perf_counter() - began) * 1e6))

    try:
        cpu_before, began = time.process_time(), time.perf_counter()
        await asyncio.gather(*(post_until(began + seconds) for _ in range(plan.in_flight * plan.lanes)))
        elapsed = time.perf_counter() - began
        cpu_seconds = time.process_time() - cpu_before
    finally:
        await engine.close()
    return PostingResult(
        seconds=elapsed, posted=posted, refused=refused, latency=histogram.counts, cpu_seconds=cpu_seconds
    )


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
