"""The composition of `bench instalments`: a platform, a bank, buyers with a line and a card, campaigns, quotes."""

from __future__ import annotations

import resource
from contextlib import ExitStack
from functools import partial

import msgspec

from chuanliu.bench.bank_process import BankProcess
from chuanliu.bench.ground import Ground
from chuanliu.bench.instalment_bench import SCARCE, Burst, InstalmentRun, Progress, bench_instalments, work_off
from chuanliu.bench.instalment_stock_client import (
    AMPLE_MINOR,
    CARD,
    INSTALMENTS,
    PROTOCOL,
    add_campaign,
    make_quotes,
    stock_instalments,
)
from chuanliu.bench.instalment_targets import Confirmations
from chuanliu.bench.machine import machine_facts
from chuanliu.bench.payment_load import PROBE_SECONDS, PaymentLoad
from chuanliu.bench.platform_process import Merchant
from chuanliu.bench.platform_stock_store import PAYERS
from chuanliu.bench.platform_under_test import PlatformUnderTest
from chuanliu.bench.report import Report
from chuanliu.bench.target import PLAIN, PaymentKind
from chuanliu.bench.yardstick_client import Yardstick
from chuanliu.money import parse_amount

AMOUNT = "120.00"
LATENCY_MS = 50
FEW, MANY = 64, 512
"""Connections: of payments on our own books, and of those that wait for a bank."""

_MERCHANTS = 20
_QUOTING = 2_000
_PROBE_SECONDS = 8.0
"""Who waits for a bank among many waits for longer than a short probe lasts."""

_FILES = 16_384


class InstalmentOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line can choose."""

    seconds: int
    pairs: int
    workers: int
    payers: int = PAYERS


def run_instalments(ground: Ground, options: InstalmentOptions, progress: Progress | None = None) -> Report:
    """Confirmations and payments in 12 instalments that three sponsors subsidise, against plain ones in each round."""
    _allow_many_connections()
    with ExitStack() as stack:
        bank = stack.enter_context(BankProcess(ground.folder, CARD, PROTOCOL, LATENCY_MS))
        platform = stack.enter_context(
            PlatformUnderTest(
                ground.server_url,
                ground.folder,
                name="chuanliu_bench",
                workers=options.workers,
                merchants=_MERCHANTS + 1 + options.pairs,
                postgres_pid=ground.postgres_pid,
                others={"bank": bank.pids},
            )
        )
        stock_instalments(platform.settings, bank.port, options.payers)
        shops, plain, scarce = (
            platform.merchants[:_MERCHANTS],
            platform.merchants[_MERCHANTS],
            platform.merchants[_MERCHANTS + 1 :],
        )
        _add_campaign(platform, "twelve", shops, AMPLE_MINOR)
        quoting = min(_QUOTING, options.payers)
        with_campaign = _confirmations(platform, shops[0], quoting)
        without = _confirmations(platform, plain, quoting)
        for number, shop in enumerate(scarce):
            _add_campaign(platform, f"scarce-{number}", [shop], SCARCE * with_campaign.buyers[0].subsidy_minor)
        confirm = partial(PaymentLoad, folder=ground.folder, seconds=options.seconds, connections=FEW)
        return bench_instalments(
            InstalmentRun(
                platform=platform,
                confirmations={"confirm": confirm(with_campaign), "confirm_plain": confirm(without)},
                payments=_payments(ground, platform, shops, options),
                bursts={
                    "scarce": Burst([_confirmations(platform, shop, quoting) for shop in scarce], ground.folder),
                    "burst_plain": Burst([without], ground.folder),
                },
                yardstick=Yardstick(ground.server_url),
                seconds=options.seconds,
                rounds=options.pairs,
                machine=machine_facts(ground.server_url),
            ),
            progress,
        )


def _payments(
    ground: Ground, platform: PlatformUnderTest, shops: list[Merchant], options: InstalmentOptions
) -> dict[str, PaymentLoad]:
    def load(kind: PaymentKind, connections: int) -> PaymentLoad:
        return PaymentLoad(
            platform.payments("native", len(shops), kind),
            ground.folder,
            seconds=options.seconds,
            connections=connections,
            probe_seconds=_PROBE_SECONDS if connections == MANY else PROBE_SECONDS,
            work_off=partial(work_off, platform.url),
        )

    return {
        "line": load(_in_instalments("credit_line"), FEW),
        "balance": load(PLAIN, FEW),
        "bank": load(_in_instalments("credit_card"), MANY),
        "balance_of_many": load(PLAIN, MANY),
    }


def _in_instalments(means: str) -> PaymentKind:
    return PaymentKind(AMOUNT, f'{{"allowed":["{means}"],"instalments":{INSTALMENTS}}}')


def _add_campaign(platform: PlatformUnderTest, code: str, shops: list[Merchant], budget_minor: int) -> None:
    add_campaign(platform.settings, code, [int(shop.seller_id) for shop in shops], budget_minor)


def _confirmations(platform: PlatformUnderTest, shop: Merchant, quoting: int) -> Confirmations:
    buyers = make_quotes(platform.settings, int(shop.seller_id), parse_amount(AMOUNT), quoting)
    return Confirmations(platform, shop, buyers)


def _allow_many_connections() -> None:
    """For this process and all that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
