"""`chuanliu up` and `chuanliu demo` as real processes: started, used, hurt, stopped, and started again."""

from __future__ import annotations

import json
import os
import secrets
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from chuanliu.crypto import verify_webhook
from chuanliu.runtime import with_database
from live.running_platform import RunningPlatform, eventually, run_command
from live.webhook_receiver import WebhookReceiver, receiving


@pytest.fixture(scope="module")
def folder(scratch: Path) -> Path:
    """A folder for data folders that PostgreSQL's own user can reach."""
    made = Path(tempfile.mkdtemp(dir=scratch))
    made.chmod(0o711)
    return made


@pytest.fixture(scope="module")
def platform(folder: Path) -> Iterator[RunningPlatform]:
    """A sandbox that is running."""
    running = RunningPlatform(folder / "shared")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def payer(platform: RunningPlatform) -> str:
    """A consumer with money."""
    return str(platform.chuanliu("consumer", "add", "--balance", "1000.00")["user_id"])


def added_merchant(platform: RunningPlatform) -> str:
    """The API key of a new merchant."""
    return str(platform.chuanliu("merchant", "add", f"Tea house {secrets.token_hex(2)}")["api_key"])


def test_stopped_by_ctrl_c_and_found_again(folder: Path) -> None:
    platform = RunningPlatform(folder / "twice")
    platform.start()
    api_key = added_merchant(platform)
    consumer = platform.chuanliu("consumer", "add", "--balance", "100.00")
    paid = platform.pay(api_key, consumer["user_id"], "bill-1")
    assert paid["status"] == "succeeded"
    processes = platform.processes()
    assert len(processes) > 5
    status, output = platform.stop()
    assert status == 0, output
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert not alive
    assert "Traceback" not in output

    roster = (platform.data / "sandbox.json").read_bytes()
    assert (platform.data / "sandbox.json").stat().st_mode & 0o777 == 0o600
    platform.start()
    try:
        found = platform.ask(api_key, "GET", f"/v1/payments/{paid['payment_id']}")
        assert found["amount"] == {"currency": "CNY", "value": "8.88"}
        assert platform.pay(api_key, consumer["user_id"], "bill-2", "91.12")["status"] == "succeeded"
        assert platform.chuanliu("consumer", "show", consumer["user_id"])["balance"] == "0.00"
        assert (platform.data / "sandbox.json").read_bytes() == roster
    finally:
        platform.stop()


@pytest.mark.parametrize("name", ["gateway-1", "worker", "postgres"])
def test_a_killed_process_comes_back(platform: RunningPlatform, payer: str, name: str) -> None:
    api_key = added_merchant(platform)
    killed = platform.child(name)["pid"]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: platform.child(name).get("pid") not in (None, killed), 30)
    eventually(lambda: platform.child(name)["state"] == "ready", 30)

    def is_paid() -> bool:
        status, answer = platform.request(
            "POST",
            "/v1/orders",
            {"amount": {"currency": "CNY", "value": "1.00"}, "subject": "tea"},
            authorization=f"Bearer {api_key}",
            idempotency_key=f"after-{name}",
        )
        return bool(status == 201 and answer["status"])

    eventually(is_paid, 30)
    assert platform.pay(api_key, payer, f"paid-after-{name}")["status"] == "succeeded"


def test_notifications_reach_their_receiver_whatever_others_do(platform: RunningPlatform, payer: str) -> None:
    """One receiver never answers, one fails at first, one is well; each merchant has one of them."""
    codes = platform.chuanliu("consumer", "code", payer, "--count", "60", "--valid", "600")["auth_codes"]

    def subscribed(receiver: WebhookReceiver) -> tuple[str, str]:
        """The API key of a merchant of the receiver's own, and the secret of its webhooks."""
        key = added_merchant(platform)
        made = platform.ask(key, "POST", "/v1/webhooks", {"url": f"{receiver.url}/events"}, secrets.token_hex(8))
        return key, made["secret"]

    with receiving("hangs") as hanging, receiving("late") as late, receiving("good") as good:
        hanging_key, _ = subscribed(hanging)
        late_key, _ = subscribed(late)
        good_key, secret = subscribed(good)
        for number in range(50):
            platform.pay_code(hanging_key, codes.pop(), f"hangs-{number}", "0.10")
        eventually(lambda: hanging.arrived)

        began = time.monotonic()
        paid = platform.pay_code(good_key, codes.pop(), "good-1", "0.10")
        [arrival] = eventually(lambda: good.arrived)
        assert time.monotonic() - began < 10
        event = json.loads(arrival.body)
        assert (event["type"], event["data"]["order"]["order_id"]) == ("order.paid", paid["order_id"])
        stamp, signature = int(arrival.headers["webhook-timestamp"]), arrival.headers["webhook-signature"]
        assert verify_webhook(secret, arrival.headers["webhook-id"], stamp, arrival.body, signature)

        platform.pay_code(late_key, codes.pop(), "late-1", "0.10")
        first, second = eventually(lambda: late.arrived[1:] and late.arrived, 30)
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body
        [done] = eventually(lambda: platform.ask(late_key, "GET", "/v1/deliveries?status=delivered")["data"])
        delivery = platform.ask(late_key, "GET", f"/v1/deliveries/{done['delivery_id']}")
        assert [attempt["http_status"] for attempt in delivery["log"]] == [500, 204]
        platform.ask(late_key, "POST", f"/v1/deliveries/{done['delivery_id']}/redeliver", key="again")
        eventually(lambda: len(late.arrived) == 3)


def test_a_port_in_use_is_said_in_one_line(platform: RunningPlatform, folder: Path) -> None:
    done = run_command("up", "--data", str(folder / "other"), "--port", str(platform.port), "--sandbox")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "Address already in use" in done.stderr, done.stderr
    assert str(platform.port) in done.stderr and "--port" in done.stderr


def test_a_data_folder_in_use_is_said_in_one_line(platform: RunningPlatform) -> None:
    done = run_command("up", "--data", str(platform.data), "--port", "1")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "in use by another run" in done.stderr, done.stderr
    assert platform.is_healthy()


def test_without_the_sandbox_there_is_no_start_page_and_no_play_money(folder: Path, postgres_url: str) -> None:
    """On an own PostgreSQL: nothing of ours is started there, and everything else works."""
    name = f"chuanliu_own_{secrets.token_hex(4)}"
    url = with_database(postgres_url, name)
    platform = RunningPlatform(folder / "own", ("--database-url", url, "--workers", "1"))
    platform.start()
    try:
        assert not platform.child("postgres")
        assert not (platform.data / "postgres").exists()
        assert platform.request("GET", "/")[0] == 404
        assert platform.request("GET", "/sandbox/code")[0] == 404
        api_key = added_merchant(platform)
        body = {"amount": {"currency": "CNY", "value": "1.00"}, "subject": "tea"}
        assert platform.ask(api_key, "POST", "/v1/orders", body, "order-1")["status"] == "awaiting_payment"
        refused = run_command("consumer", "add", "--balance", "1.00", "--data", str(platform.data))
        assert refused.returncode == 1 and "sandbox" in refused.stderr
    finally:
        status, output = platform.stop()
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    assert status == 0, output
