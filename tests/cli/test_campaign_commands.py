"""`chuanliu campaign` and `chuanliu lender-key` on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from chuanliu.cli import app
from chuanliu.errors import ChuanliuError
from promotions.fair import Fair
from trade.market import Market

Answer = Callable[..., Any]

FILE = """\
code: spring
name: Spring
starts_at: 2026-01-01 00:00
ends_at: 2099-01-01 00:00
sponsors:
  - {kind: platform, share_bps: 5000, budget: 1000.00}
  - {kind: brand, name: Brand, share_bps: 5000, budget: 2000.00, cap: 9.99}
"""


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> dict[str, str]:
    data = tmp_path_factory.mktemp("data")
    return {"CHUANLIU_DATA": str(data), "CHUANLIU_DATABASE_URL": database_url, "CHUANLIU_SANDBOX": "true"}


@pytest.fixture(scope="module")
def answer(variables: dict[str, str]) -> Answer:
    """Run a command and give back what it printed."""

    def answer(*words: str) -> Any:
        done = CliRunner().invoke(app, [*words, "--json"], env=variables, catch_exceptions=False)
        assert (done.exit_code, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return answer


def test_a_campaign_from_its_file_to_its_end(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "spring.yaml"
    file.write_text(FILE, encoding="utf-8")
    made = answer("campaign", "create", str(file))
    assert (made["status"], [each["left"] for each in made["sponsors"]]) == ("draft", ["1000.00", "2000.00"])
    assert answer("campaign", "publish", "spring") == {"code": "spring", "status": "published"}
    assert answer("campaign", "pause", made["campaign_id"])["status"] == "paused"
    later = answer("campaign", "schedule", "spring", "--starts", "2098-01-01 00:00")
    assert (later["status"], later["starts_at"], later["ends_at"]) == (
        "scheduled",
        "2097-12-31T16:00:00.000Z",
        made["ends_at"],
    )
    assert answer("campaign", "schedule", "spring", "--starts", "2026-01-01 00:00")["status"] == "published"
    assert answer("campaign", "pause", "spring")["status"] == "paused"
    change = tmp_path / "change.yaml"
    change.write_text("name_zh: 春天\nterms: {instalments: [3]}\n", encoding="utf-8")
    changed = answer("campaign", "change", "spring", str(change))
    assert (changed["name_zh"], changed["terms"]["instalments"]) == ("春天", [3])
    assert answer("campaign", "resume", "spring")["status"] == "published"
    brand = made["sponsors"][1]["sponsor_id"]
    topped = answer("campaign", "add-budget", "spring", "0.01", "--sponsor", brand)
    assert topped["sponsors"][1]["budget"] == "2000.01"
    taken = answer("campaign", "add-budget", "spring", "-2.00", "--sponsor", brand)
    assert taken["sponsors"][1]["left"] == "1998.01"
    (listed,) = answer("campaign", "list")["campaigns"]
    assert (listed["code"], listed["left"]) == ("spring", "1000.00/1000.00 1998.01/1998.01")
    assert answer("campaign", "show", "spring")["sponsors"] == taken["sponsors"]
    report = answer("campaign", "report", "spring", "--first", "2026-03-01", "--last", "2026-03-31")
    assert (report["total"]["orders"], report["past"]["last"]) == (0, "2026-02-28")
    assert answer("campaign", "close", "spring")["status"] == "closed"


def test_a_mistake_in_the_file_is_told_with_its_line(variables: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    wrong = FILE.replace("share_bps: 5000, budget: 2000.00", "share_bps: 5001, budget: 2000.00")
    file.write_text(wrong.replace("code: spring", "code: summer"), encoding="utf-8")
    done = CliRunner().invoke(app, ["campaign", "create", str(file)], env=variables)
    assert isinstance(done.exception, ChuanliuError)
    assert "line 7, column 43: sponsors[1].share_bps: brings the shares to 10001" in str(done.exception)


def test_keys_of_a_lender(answer: Answer, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        Fair(Market(database_url, connection)).lender("river-bank")
    made = answer("lender-key", "add", "river-bank")
    assert made["lender_key"].startswith("cll_")
    (listed,) = answer("lender-key", "list", "river-bank")["lender_keys"]
    assert (listed["key_id"], listed["valid_until"]) == (made["key_id"], None)
    assert answer("lender-key", "revoke", "river-bank", made["key_id"])["valid_until"] is not None
