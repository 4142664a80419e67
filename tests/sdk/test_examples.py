"""The examples run as printed, each in its SDK's environment, configured by environment variables only."""

from __future__ import annotations

import json
import os
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


def test_native_curl(platform: Platform, merchant: Merchant, consumer: Consumer) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed (Debian package curl)")
    variables = {**os.environ, **credentials(platform, merchant, consumer)}
    paid, found, refunded = printed_by(["sh", str(EXAMPLES / "native_curl.sh")], variables)
    assert paid["payment_id"] == found["payment_id"]
    assert found["amount"] == {"currency": "CNY", "value": "8.88"}
    assert refunded["amount"] == {"currency": "CNY", "value": "1.00"}
