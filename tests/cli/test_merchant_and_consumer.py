"""`chuanliu merchant`, `consumer` and `admin-key`, as real processes on a real database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from chuanliu.cli import app
from chuanliu.crypto import (
    certificate_public_key,
    certificate_sn,
    generate_key_pair,
    pkcs8_private,
    public_of_private,
    verify_chain,
)
from chuanliu.errors import ChuanliuError
from chuanliu.parties import PLATFORM_KEY
from chuanliu.runtime import CannotStart

Answer = Callable[..., Any]
Refusal = Callable[..., str]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that holds nothing but the master key file."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def variables(data: Path, database_url: str) -> dict[str, str]:
    """The environment of a command beside a sandbox on this module's database."""
    return {"CHUANLIU_DATA": str(data), "CHUANLIU_DATABASE_URL": database_url, "CHUANLIU_SANDBOX": "true"}


@pytest.fixture(scope="module")
def answer(variables: dict[str, str]) -> Answer:
    """Run a command in this process and give back what it printed."""

    def answer(*words: str) -> Any:
        done = CliRunner().invoke(app, [*words, "--json"], env=variables, catch_exceptions=False)
        assert (done.exit_code, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return answer


@pytest.fixture(scope="module")
def refusal(variables: dict[str, str]) -> Refusal:
    """Run a command in this process and give back the sentence with which it is refused."""

    def refusal(*words: str, **more: str) -> str:
        done = CliRunner().invoke(app, list(words), env={**variables, **more})
        assert isinstance(done.exception, ChuanliuError | CannotStart), done
        return str(done.exception)

    return refusal


def process(variables: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """A command as a process of its own."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("CHUANLIU_")}
    program = "from chuanliu.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, env=others | variables, check=False
    )


def test_first_commands_at_once_make_one_platform(variables: dict[str, str], database_url: str, data: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda name: process(variables, "merchant", "add", name, "--json"), ["甲", "乙", "丙"]))
    assert [(each.returncode, each.stderr) for each in done] == [(0, "")] * 3
    added = [json.loads(each.stdout) for each in done]
    assert len({each["platform_public_key"] for each in added}) == 1
    assert len({each["app_id"] for each in added}) == len({each["seller_id"] for each in added}) == 3
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(f"SELECT purpose, status FROM {PLATFORM_KEY.name} ORDER BY purpose").fetchall()
    assert rows == [("issuing", "current"), ("root", "current"), ("signing", "current")]
    assert (data / "master.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in data.iterdir()] == ["master.key"]


def test_merchant_add_prints_what_an_sdk_needs(answer: Answer) -> None:
    added = answer("merchant", "add", "川流茶叶店", "--fee-bps", "60")
    assert added["app_id"].startswith("2021") and len(added["app_id"]) == 16
    assert added["seller_id"].startswith("2088") and len(added["seller_id"]) == 16
    assert pkcs8_private(added["app_private_key_pkcs1"]) == added["app_private_key"]
    shown = answer("merchant", "show", added["app_id"])
    assert shown["fee_bps"] == 60 and shown["name"] == "川流茶叶店"
    (of_app,) = shown["apps"]
    assert of_app["keys"][0]["public_key"] == public_of_private(added["app_private_key"])
    assert shown["api_keys"][0]["begins"].rstrip("…") == added["api_key"][:8]
    assert added["seller_id"] in [row["seller_id"] for row in answer("merchant", "list")["merchants"]]


def test_own_key_certificates_and_encryption(answer: Answer, tmp_path: Path) -> None:
    pair = generate_key_pair()
    (tmp_path / "key.pub").write_text(pair.public)
    added = answer("merchant", "add", "自带密钥", "--public-key", str(tmp_path / "key.pub"))
    assert added["app_private_key"] is None
    printed = answer("merchant", "certificates", added["app_id"])
    assert certificate_public_key(printed["app_certificate"]) == pair.public
    assert certificate_public_key(printed["platform_certificate"]) == added["platform_public_key"]
    assert answer("merchant", "certificates", added["app_id"]) == printed
    renewed = answer("merchant", "certificates", added["app_id"], "--renew")
    assert certificate_sn(renewed["app_certificate"]) != certificate_sn(printed["app_certificate"])
    first = answer("merchant", "encrypt-key", added["app_id"])["encrypt_key"]
    assert answer("merchant", "encrypt-key", added["app_id"])["encrypt_key"] == first
    assert answer("merchant", "encrypt-key", added["app_id"], "--new")["encrypt_key"] != first


def test_rotation_keeps_the_former_key_for_a_while(answer: Answer) -> None:
    added = answer("merchant", "add", "换钥匙")
    rotated = answer("merchant", "rotate-key", added["app_id"])
    assert rotated["app_private_key"] != added["app_private_key"]
    api = answer("merchant", "rotate-api-key", added["seller_id"], "--overlap", "0")
    assert api["api_key"] != added["api_key"]
    shown = answer("merchant", "show", added["seller_id"])
    assert [key["valid_until"] is None for key in shown["apps"][0]["keys"]] == [False, True]
    assert [key["valid_until"] is None for key in shown["api_keys"]] == [False, True]


def test_consumer_lives_with_a_wallet(answer: Answer, refusal: Refusal) -> None:
    consumer = answer("consumer", "add", "--balance", "88.88", "--confirm-above", "50")
    assert len(consumer["pay_password"]) == 6
    code = answer("consumer", "code", consumer["user_id"])["auth_code"]
    assert code.startswith("28") and len(code) == 18
    many = answer("consumer", "code", consumer["user_id"], "--count", "3", "--valid", "3600")["auth_codes"]
    assert len(set(many) | {code}) == 4
    assert answer("consumer", "top-up", consumer["user_id"], "11.12")["balance"] == "100.00"
    shown = answer("consumer", "show", consumer["user_id"])
    assert (shown["balance"], shown["confirm_above"]) == ("100.00", "50.00")
    assert [line["amount"] for line in shown["statement"]] == ["88.88", "11.12"]
    assert answer("consumer", "block", consumer["user_id"])["status"] == "blocked"
    assert "buyer_blocked" in refusal("consumer", "code", consumer["user_id"])
    assert answer("consumer", "unblock", consumer["user_id"])["status"] == "active"


def test_admin_keys(answer: Answer) -> None:
    made = answer("admin-key", "add")
    assert made["admin_key"].startswith("cla_")
    assert made["key_id"] in [row["key_id"] for row in answer("admin-key", "list")["admin_keys"]]
    assert answer("admin-key", "revoke", made["key_id"])["key_id"] == made["key_id"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["merchant", "show", "2021000000999999"], "merchant_not_found"),
        (["merchant", "certificates", "2021000000999999"], "app_not_found"),
        (["merchant", "show", "12"], "16 digits"),
        (["merchant", "add", " "], "name must be"),
        (["merchant", "add", "x", "--fee-bps", "10001"], "fee_bps must be"),
        (["merchant", "add", "x", "--public-key", "/nowhere"], "cannot read /nowhere"),
        (["consumer", "code", "2088000000999999"], "consumer_not_found"),
        (["consumer", "add", "--balance", "-1"], "balance must be"),
        (["consumer", "pay", "2088000000999999"], "give one of"),
        (["consumer", "pay", "2088000000999999", "--qr", "x"], "consumer_not_found"),
        (["consumer", "confirm", "2088000000999999", "--trade-no", "x"], "no trade number"),
        (["admin-key", "revoke", "12"], "key_not_found"),
    ],
)
def test_what_the_user_can_mend_is_said(refusal: Refusal, words: list[str], message: str) -> None:
    assert message in refusal(*words)


def test_a_refusal_is_one_line(variables: dict[str, str]) -> None:
    done = process(variables, "consumer", "code", "2088000000999999")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "chuanliu: consumer_not_found: No such consumer.\n"


def test_no_money_from_nothing_outside_the_sandbox(refusal: Refusal) -> None:
    assert "only a sandbox" in refusal("consumer", "add", CHUANLIU_SANDBOX="false")


def test_nothing_runs(refusal: Refusal, tmp_path: Path) -> None:
    nothing = {"CHUANLIU_DATABASE_URL": "", "CHUANLIU_DATA": str(tmp_path)}
    assert "nothing runs on" in refusal("merchant", "list", **nothing)
    gone = {"CHUANLIU_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    assert "does not answer" in refusal("merchant", "list", **gone)


def test_secrets_need_their_master_key_file(refusal: Refusal, tmp_path: Path) -> None:
    elsewhere = {"CHUANLIU_MASTER_KEY_FILE": str(tmp_path / "master.key")}
    assert "there is no master key file" in refusal("merchant", "list", **elsewhere)
    assert not (tmp_path / "master.key").exists()


def test_certificates_lead_to_the_root(answer: Answer, database_url: str) -> None:
    added = answer("merchant", "add", "证书链")
    printed = answer("merchant", "certificates", added["app_id"])
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT certificate FROM platform_key WHERE purpose = 'issuing'").fetchone()
        clock = connection.execute("SELECT (extract(epoch FROM now()) * 1000000)::bigint").fetchone()
    assert row is not None and clock is not None
    for leaf in (printed["app_certificate"], printed["platform_certificate"]):
        verify_chain(leaf, [row[0]], [printed["root_certificate"]], clock[0])
