"""`chuanliu bills` as a real process, also one that is killed."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bills.household import household
from engine.rig import engines, run
from instalments.shop import Shop


def chuanliu(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from chuanliu.cli import main; main()"
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of all that this module's database belongs to: it holds the master key."""
    return tmp_path_factory.mktemp("data")


def test_run_show_and_export(shop: Shop, folder: Path) -> None:
    async def main() -> int:
        async with engines(shop.market.url) as [engine]:
            home = await household(shop, engine, "cli", "2025-12-20", balance_minor=100_00)
            await home.buy("tea", "2026-01-10", 80_00, ["2026-02-09"])
            await home.repay_plan("tea", "2026-01-11", 30_00)
            return home.consumer

    who = str(run(main))
    url = ["--database-url", shop.market.url, "--data", str(folder)]
    made = chuanliu("bills", "run", "--product", "cli", "--until", "2026-02-05 00:00", *url, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["products"][0]["statements"] == 1
    shown = chuanliu("bills", "show", who, *url, "--json")
    (row,) = json.loads(shown.stdout)["statements"]
    assert (row["cycle"], row["due"], row["minimum"], row["entries"]) == (202602, "50.00", "5.00", "1-2")
    file = folder / "bill.csv"
    assert chuanliu("bills", "export", who, "cli", "202602", str(file), *url).returncode == 0
    lines = file.read_text("utf-8-sig").splitlines()
    assert lines[1:] == [
        "202602,1,2026-01-10 12:00:00,payment,tea,80.00,80.00,CNY",
        "202602,2,2026-01-11 12:00:00,repayment,tea,-30.00,50.00,CNY",
    ]
    page = folder / "bill.pdf"
    assert chuanliu("bills", "export", who, "cli", "202602", str(page), *url).returncode == 0
    assert page.read_bytes().startswith(b"%PDF-")
    for arguments, message in [
        (["export", who, "cli", "202603", str(page)], "No such statement"),
        (["export", who, "cli", "202602", str(folder / "bill.doc")], "must end in .csv or .pdf"),
        (["run", "--product", "ford-card"], "the lender bills this product itself"),
        (["show", "2088"], "user_id has 16 digits"),
    ]:
        refused = chuanliu("bills", *arguments, *url)
        assert refused.returncode == 1 and message in refused.stderr, refused


def _lines(shop: Shop, product_id: int, count: int) -> None:
    """Many lines of the product with one purchase each, written straight into the tables."""
    shop.market.execute(
        "INSERT INTO instrument SELECT (n %% 64)::smallint, 100 + n, 2088700000000000 + n, %s, 'credit_line', 0,"
        " NULL, NULL, 'No. 1', 1000000, 'active', sha256('x'), now(), now()"
        " FROM generate_series(1, %s) n",
        product_id,
        count,
    )
    shop.market.execute(
        "INSERT INTO account SELECT cell, ((consumer_id - 2088000000000000) << 18) | (128 << 10) | 156, 'checked',"
        " 'open', -1000000, -500, 0, 2, now() FROM instrument"
        " WHERE product_id = %s AND consumer_id >= 2088700000000000",
        product_id,
    )
    for kind, amount, balance, seq in [("payment", 700, -700, 1), ("refund", 200, -500, 2)]:
        sign = -1 if kind == "payment" else 1
        shop.market.execute(
            "WITH line AS (SELECT cell, ((consumer_id - 2088000000000000) << 18) | (128 << 10) | 156 AS account,"
            "   ((consumer_id - 2088700000000000) << 24) | (cell::bigint << 15) | %s AS transfer_id"
            "   FROM instrument WHERE product_id = %s AND consumer_id >= 2088700000000000),"
            " moved AS (INSERT INTO transfer SELECT cell, transfer_id, CASE WHEN %s < 0 THEN account ELSE 1180 END,"
            "   CASE WHEN %s < 0 THEN 1180 ELSE account END, %s, %s, 0, '2026-01-10' FROM line)"
            " INSERT INTO entry SELECT cell, account, %s, transfer_id, %s, %s FROM line",
            *(seq, product_id, sign, sign, amount, kind, seq, sign * amount, balance),
        )


def test_killed_at_random_points_nothing_is_billed_twice_or_never(shop: Shop, folder: Path) -> None:
    async def main() -> int:
        async with engines(shop.market.url) as [engine]:
            home = await household(shop, engine, "killed", "2025-12-20")
            return home.product.product_id

    product_id = run(main)
    _lines(shop, product_id, 6000)
    program = "from chuanliu.cli import main; main()"
    command = [
        sys.executable, "-c", program, "bills", "run", "--product", "killed", "--until", "2026-03-05 00:00",
        "--database-url", shop.market.url, "--data", str(folder),
    ]  # fmt: skip
    kills = _kill_while_it_works(shop, product_id, command)
    assert kills >= 3
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    # Two cycles: one with the postings, one that carries the debt on.
    count, owed, entries = _sums(shop, product_id)
    assert (count, owed, entries) == (2 * 6000, 6000 * 500, 2 * 6000)
    shop.market.execute("DELETE FROM instrument WHERE consumer_id >= 2088700000000000")
    offenders = shop.market.one(
        "SELECT count(*) FROM statement s WHERE product_id = %s AND closing_minor - opening_minor <>"
        " (SELECT coalesce(-sum(amount_minor), 0) FROM entry e WHERE e.cell = s.cell AND e.account_id = s.account_id"
        " AND e.seq BETWEEN s.first_seq AND s.last_seq)",
        product_id,
    )
    assert offenders == 0


def _kill_while_it_works(shop: Shop, product_id: int, command: list[str]) -> int:
    """Kill it again and again, each time after it has made some more statements."""
    kills, seen = 0, 0
    chance = random.Random(5)
    while kills < 6:
        job = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while job.poll() is None and _sums(shop, product_id)[0] <= seen:
            time.sleep(0.005)
        time.sleep(chance.random() * 0.1)
        if job.poll() is not None:
            break
        job.send_signal(signal.SIGKILL)
        job.wait()
        kills += 1
        seen = _sums(shop, product_id)[0]
    return kills


def _sums(shop: Shop, product_id: int) -> Any:
    return shop.market.connection.execute(
        "SELECT count(*), coalesce(sum(closing_minor - opening_minor), 0)::bigint,"
        " coalesce(sum(last_seq - first_seq + 1), 0)::bigint FROM statement WHERE product_id = %s",
        [product_id],
    ).fetchone()
