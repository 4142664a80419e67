"""Repayment under concurrency and in the wrong hands, and what the worker and the command line do."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from bills.household import household
from chuanliu.bills import CollectBill, RepayBill
from chuanliu.errors import ChuanliuError, NotFound, Refused
from engine.rig import engines, run
from instalments.shop import Shop


def test_repayments_at_once_never_pay_more_than_is_owed(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url, count=2) as [one, two]:
            home = await household(shop, one, "rush", "2023-12-20", balance_minor=1000_00)
            await home.buy("a", "2024-01-10", 300_00, ["2024-02-09"])
            home.bill("2024-02-02")
            asks = [RepayBill(home.consumer, home.instrument_id, 20240205, 40_00) for _ in range(12)]
            asks += [CollectBill(home.consumer, home.instrument_id, 20240209) for _ in range(4)]
            answers = await asyncio.gather(
                *(engine.submit(ask) for engine, ask in zip((one, two) * 8, asks, strict=True)), return_exceptions=True
            )
            refused = [each.code for each in answers if isinstance(each, ChuanliuError)]
            assert set(refused) == {"nothing_billed"}, answers
            assert shop.market.wallet(home.consumer) == 700_00

    run(main)
    shop.market.require_clean()


def test_what_is_refused(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            home = await household(shop, engine, "refused", "2023-12-20", balance_minor=10_00)
            await home.buy("a", "2024-01-10", 300_00, ["2024-02-09"])
            home.bill("2024-02-02")
            other = await shop.consumer(engine)
            for command, code in [
                (RepayBill(other, home.instrument_id, 20240205), "instrument_not_found"),
                (RepayBill(home.consumer, home.instrument_id, 20240205, 10_01), "balance_insufficient"),
                (RepayBill(home.consumer, home.instrument_id, 20240205, 0), "invalid_amount"),
                (RepayBill(home.consumer, home.instrument_id, 20240115), "nothing_billed"),
            ]:
                with pytest.raises((NotFound, Refused)) as refusal:
                    await engine.submit(command)
                assert refusal.value.code == code
            assert shop.market.wallet(home.consumer) == 10_00

    run(main)
    shop.market.require_clean()


def test_the_command_line_repays_collects_and_reschedules(shop: Shop, tmp_path: Path) -> None:
    def chuanliu(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = "from chuanliu.cli import main; main()"
        where = ["--database-url", shop.market.url, "--data", str(tmp_path), "--json"]
        return subprocess.run(
            [sys.executable, "-c", program, "bills", *arguments, *where], capture_output=True, text=True, check=False
        )

    async def main() -> str:
        async with engines(shop.market.url) as [engine]:
            days_ago = [str(date.today() - timedelta(days=days)) for days in (110, 80, 60, 0)]
            home = await household(shop, engine, "by-hand", days_ago[0], balance_minor=1000_00)
            await home.buy("a", days_ago[1], 300_00, [days_ago[2]])
            home.bill(days_ago[3])
            return str(home.consumer)

    who = run(main)
    assert json.loads(chuanliu("repay", who, "by-hand", "--amount", "100.00").stdout)["owed"] == "200.00"
    offer = json.loads(chuanliu("hardship", who, "by-hand", "4").stdout)
    assert (offer["owed"], offer["done"]) == ("200.00", False)
    assert "consent" in chuanliu("hardship", who, "by-hand", "4", "--consent", "00" * 32).stderr
    assert json.loads(chuanliu("auto-repay", who, "by-hand").stdout)["auto_repay"] is True
    collected = json.loads(chuanliu("collect").stdout)
    assert collected["lines"] >= 1 and collected["failed"] == 0
    assert shop.market.wallet(int(who)) == 700_00
    assert json.loads(chuanliu("collect").stdout)["lines"] == 0
    shop.market.require_clean()
