"""The platform under test: the command line, as a stranger would use it.

`CHUANLIU_COMMAND` names another executable with the same commands; the default is the one of this environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sdk.driver import Certificates, ClientConfig

READY_SECONDS_MAX: Final = 90
STOP_SECONDS_MAX: Final = 30
COMMAND_SECONDS_MAX: Final = 60
CODES_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Merchant:
    """What `chuanliu merchant add` printed."""

    app_id: str
    seller_id: str
    app_private_key: str
    app_private_key_pkcs1: str
    platform_public_key: str
    api_key: str


@dataclass(frozen=True, slots=True)
class Consumer:
    """What `chuanliu consumer add` printed."""

    user_id: str
    pay_password: str


@dataclass(frozen=True, slots=True)
class Platform:
    """A running platform and the commands that stand for its merchants' and consumers' own hands."""

    url: str
    data: Path
    codes: dict[str, list[str]] = field(default_factory=dict)

    def chuanliu(self, *words: str) -> Any:
        """Run a command with `--json` and return what it printed. Raises with its error output where it fails."""
        argv = [command_path(), *words, "--json"]
        variables = {**os.environ, "CHUANLIU_DATA": str(self.data), "CHUANLIU_SANDBOX": "true"}
        done = subprocess.run(
            argv, env=variables, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX, check=False
        )
        if done.returncode:
            raise RuntimeError(f"chuanliu {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return json.loads(done.stdout)

    def merchant(self, name: str) -> Merchant:
        """A new merchant with one app in key mode."""
        printed = self.chuanliu("merchant", "add", name)
        return Merchant(**{field: str(printed[field]) for field in Merchant.__slots__})

    def certificates(self, merchant: Merchant) -> Certificates:
        """Certificates for the merchant's own key, which also puts its app in certificate mode."""
        printed = self.chuanliu("merchant", "certificates", merchant.app_id)
        return Certificates(
            app=printed["app_certificate"],
            platform=printed["platform_certificate"],
            root=printed["root_certificate"],
        )

    def encrypt_key(self, merchant: Merchant) -> str:
        """A base64 AES key for the merchant's app."""
        return str(self.chuanliu("merchant", "encrypt-key", merchant.app_id)["encrypt_key"])

    def consumer(self, balance: str = "1000.00", *options: str) -> Consumer:
        """A new consumer with money."""
        printed = self.chuanliu("consumer", "add", "--balance", balance, *options)
        return Consumer(str(printed["user_id"]), str(printed["pay_password"]))

    def payment_code(self, consumer: Consumer) -> str:
        """A fresh payment code, valid once. Many are minted at a time: a command takes a second, a code nothing."""
        stock = self.codes.setdefault(consumer.user_id, [])
        if not stock:
            words = ("consumer", "code", consumer.user_id, "--count", str(CODES_AT_ONCE), "--valid", "3600")
            stock += self.chuanliu(*words)["auth_codes"]
        return stock.pop()

    def scan(self, consumer: Consumer, qr_code: str) -> None:
        """The consumer scans a QR code and pays with the balance."""
        self.chuanliu("consumer", "pay", consumer.user_id, "--qr", qr_code)

    def pay_in_app(self, consumer: Consumer, order_string: str) -> None:
        """The consumer pays what the merchant's app handed over."""
        self.chuanliu("consumer", "pay", consumer.user_id, "--order-string", order_string)

    def confirm(self, consumer: Consumer, trade_no: str) -> None:
        """The consumer confirms a payment that waits for its payer."""
        self.chuanliu("consumer", "confirm", consumer.user_id, "--trade-no", trade_no)

    def config(self, merchant: Merchant, **changes: Any) -> ClientConfig:
        """SDK configuration of a merchant; `changes` are fields of `ClientConfig`."""
        pkcs1 = changes.get("key_format") == "PKCS1"
        fields: dict[str, Any] = {
            "url": self.url,
            "app_id": merchant.app_id,
            "app_private_key": merchant.app_private_key_pkcs1 if pkcs1 else merchant.app_private_key,
            "platform_public_key": merchant.platform_public_key,
        }
        return ClientConfig(**{**fields, **changes})

    def web_port_url(self) -> str | None:
        """The origin at port 80, where this platform could bind it: the only kind that the official SDK knows."""
        status = json.loads((self.data / "status.json").read_text())
        return status.get("second_url") or None


def command_path() -> str:
    """The `chuanliu` executable under test."""
    return os.environ.get("CHUANLIU_COMMAND") or str(Path(sys.executable).with_name("chuanliu"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])


@contextmanager
def running_platform() -> Iterator[Platform]:
    """Start `chuanliu up --sandbox` on an empty data folder and a free port; stop it as Ctrl-C would."""
    folder = Path(tempfile.mkdtemp(prefix="chuanliu-sdk-"))
    # The embedded PostgreSQL runs as another user where the tests run as root: it must reach the data folder.
    folder.chmod(0o755)
    port, log = _free_port(), folder / "up.log"
    platform = Platform(f"http://127.0.0.1:{port}", folder / "data")
    argv = [command_path(), "up", "--data", str(platform.data), "--port", str(port), "--sandbox"]
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not _healthy(platform.url):
            if process.poll() is not None:
                raise RuntimeError(f"chuanliu up ended with {process.returncode}:\n{_tail(log)}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"chuanliu up was not ready in {READY_SECONDS_MAX} s:\n{_tail(log)}")
            time.sleep(0.1)
        yield platform
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
