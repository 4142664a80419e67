"""The examples run as printed, each in its SDK's environment, configured by environment variables only."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from sdk.environments import Environment, Missing
from sdk.platform_fixture import Consumer, Merchant, Platform
from sdk.variants import COMMUNITY_PYTHON, NODE, OFFICIAL_PYTHON, Sdk

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
EXAMPLE_SECONDS_MAX: Final = 60


def installed(sdk: Sdk) -> Environment:
    """The SDK's environment, or a skip that names what is missing."""
    try:
        return sdk.environment()
    except Missing as missing:
        pytest.skip(f"{sdk.name}: {missing}")


def printed_by(argv: list[str], variables: Mapping[str, str]) -> list[dict[str, Any]]:
    """Run an example and return the JSON objects that it printed, one a line."""
    done = subprocess.run(
        argv, env=dict(variables), capture_output=True, encoding="utf-8", timeout=EXAMPLE_SECONDS_MAX, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def credentials(platform: Platform, merchant: Merchant, consumer: Consumer) -> dict[str, str]:
    """What the examples read."""
    return {
        "CHUANLIU_URL": platform.url,
        "APP_ID": merchant.app_id,
        "APP_PRIVATE_KEY": merchant.app_private_key,
        "PLATFORM_PUBLIC_KEY": merchant.platform_public_key,
        "API_KEY": merchant.api_key,
        "AUTH_CODE": platform.payment_code(consumer),
    }


def assert_paid_found_and_refunded(answers: list[dict[str, Any]]) -> None:
    """The three answers of an example that speaks an Alipay dialect."""
    paid, found, refunded = answers
    assert paid["total_amount"] == "8.88"
    assert found["trade_status"] == "TRADE_SUCCESS"
    assert (refunded["refund_fee"], refunded["fund_change"]) == ("1.00", "Y")
    assert paid["trade_no"] == found["trade_no"] == refunded["trade_no"]


def test_python_official(platform: Platform, merchant: Merchant, consumer: Consumer) -> None:
    environment, url = installed(OFFICIAL_PYTHON), platform.web_port_url()
    if url is None:
        pytest.skip("127.0.0.77:80 could not be bound by the platform, and the SDK takes no other port")
    variables = {**environment.variables(), **credentials(platform, merchant, consumer)}
    variables |= {"CHUANLIU_URL": url, "APP_PRIVATE_KEY": merchant.app_private_key_pkcs1}
    argv = [str(environment.interpreter), str(EXAMPLES / "python_official.py")]
    assert_paid_found_and_refunded(printed_by(argv, variables))


def test_python_community(platform: Platform, merchant: Merchant, consumer: Consumer) -> None:
    environment = installed(COMMUNITY_PYTHON)
    variables = {**environment.variables(), **credentials(platform, merchant, consumer)}
    argv = [str(environment.interpreter), str(EXAMPLES / "python_community.py")]
    assert_paid_found_and_refunded(printed_by(argv, variables))


@pytest.mark.parametrize("name", ["node_v2.mjs", "node_v3.mjs"])
def test_node(name: str, platform: Platform, merchant: Merchant, consumer: Consumer, tmp_path: Path) -> None:
    environment = installed(NODE)
    variables = {**environment.variables(), **credentials(platform, merchant, consumer)}
    # Node looks for packages beside the script that imports them.
    (tmp_path / "node_modules").symlink_to(environment.folder / "node_modules")
    script = shutil.copy(EXAMPLES / name, tmp_path)
    assert_paid_found_and_refunded(printed_by([str(environment.interpreter), str(script)], variables))


@pytest.fixture
def borrower(platform: Platform) -> Consumer:
    """A consumer with the platform's line, who is never asked to confirm."""
    who = platform.consumer("100.00", "--confirm-above", "10000000.00")
    platform.chuanliu("consumer", "open-line", who.user_id, "--product", "chuanliu-line")
    return who


def test_instalments_curl(platform: Platform, merchant: Merchant, borrower: Consumer) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed (Debian package curl)")
    variables = {**os.environ, **credentials(platform, merchant, borrower)}
    quote, held, paid, plan, refunded = printed_by(["sh", str(EXAMPLES / "instalments_curl.sh")], variables)
    chosen = next(offer for offer in quote["offers"] if offer["instalments"] == 3)
    assert (held["confirmed"], held["offer"]) == (True, chosen)
    assert (paid["status"], paid["plan"]["plan_id"]) == ("succeeded", plan["plan_id"])
    assert (plan["instalments"], plan["principal"]["value"]) == (3, "1000.00")
    assert refunded["amount"] == {"currency": "CNY", "value": "300.00"}


COMMANDS: Final = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DOCS: Final = EXAMPLES.parent / "docs"
RUN_ELSEWHERE: Final = {"banks-credit-pay.md", "calculators.md"}
"""Their commands need what no merchant has, and have tests of their own."""


def test_the_commands_of_the_native_api_page_run_as_printed(
    platform: Platform, merchant: Merchant, borrower: Consumer
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed (Debian package curl)")
    at_the_till, quoting, by_the_quote = COMMANDS.findall((DOCS / "native-api.md").read_text("utf-8"))
    variables = {**os.environ, **credentials(platform, merchant, borrower)}
    codes = [platform.payment_code(borrower) for _ in range(2)]

    def printed(commands: str, code: str, quote_id: str = "") -> dict[str, Any]:
        """What a block prints, with what the page leaves out filled in."""
        filled = commands.replace('"28…"', f'"{code}"').replace('"quote_id": "…"', f'"quote_id": "{quote_id}"')
        assert "…" not in filled
        [answer] = printed_by(["sh", "-euc", filled], variables)
        return answer

    assert printed(at_the_till, codes[0])["status"] == "succeeded"
    quote = printed(quoting, codes[1])
    paid = printed(by_the_quote, codes[1], quote["quote_id"])
    chosen = next(offer for offer in quote["offers"] if offer["offer"] == 2)
    assert (paid["status"], paid["plan"]["instalments"]) == ("succeeded", chosen["instalments"])


def test_no_page_has_commands_for_curl_that_nobody_runs() -> None:
    with_commands = {
        page.name
        for page in DOCS.glob("*.md")
        if any("curl" in each for each in COMMANDS.findall(page.read_text("utf-8")))
    }
    assert with_commands - RUN_ELSEWHERE == {"native-api.md"}


def test_native_curl(platform: Platform, merchant: Merchant, consumer: Consumer) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed (Debian package curl)")
    variables = {**os.environ, **credentials(platform, merchant, consumer)}
    paid, found, refunded = printed_by(["sh", str(EXAMPLES / "native_curl.sh")], variables)
    assert paid["payment_id"] == found["payment_id"]
    assert found["amount"] == {"currency": "CNY", "value": "8.88"}
    assert refunded["amount"] == {"currency": "CNY", "value": "1.00"}
