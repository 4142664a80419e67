"""Bad weather at the simulated banks: faults that are set again and again, for a bank that was killed has none."""

from __future__ import annotations

import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from chuanliu.bench import PlatformFailed, PlatformProcess
from chuanliu.connectors import BookLine, FaultPlan

ROUGH: Final = FaultPlan(
    latency_ms=5, late_ms=1_500, decline=50, late=40, twice=60, lose_answer=60, drop_link=30, garbage=20, busy=40
)
OUTAGE: Final = FaultPlan(outage=True)
_CHANGES_SECONDS: Final = 1.0
_HEAL_SECONDS: Final = 60.0
_TIMEOUT_SECONDS: Final = 5.0


class Weather:
    """All faults at all banks, and now and then one bank that is not there at all. `banks` are their codes."""

    def __init__(self, platform: PlatformProcess, banks: Iterable[str], draw: random.Random) -> None:
        self._platform = platform
        self._banks = tuple(banks)
        self._draw = draw
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._blow, daemon=True)

    def start(self) -> None:
        """Let it blow until `heal`."""
        self._thread.start()

    def heal(self) -> None:
        """No more faults. Raises `PlatformFailed` where the simulator does not come back to hear it."""
        self._over.set()
        self._thread.join()
        deadline = time.monotonic() + _HEAL_SECONDS
        while not self._set("/faults", FaultPlan()):
            if time.monotonic() > deadline:
                raise PlatformFailed("the simulated banks did not come back")
            time.sleep(0.2)

    def books(self) -> dict[str, list[BookLine]]:
        """What each bank has in its book. Raises `OSError` where it is not there."""
        decode = msgspec.json.Decoder(BookLine).decode
        return {
            code: [decode(line) for line in _ask(f"{self._url()}/banks/{code}/book").splitlines()]
            for code in self._banks
        }

    def _blow(self) -> None:
        while not self._over.wait(_CHANGES_SECONDS):
            if self._set("/faults", ROUGH) and self._draw.random() < 0.5:
                self._set(f"/banks/{self._draw.choice(self._banks)}/faults", OUTAGE)

    def _set(self, path: str, plan: FaultPlan) -> bool:
        try:
            _ask(self._url() + path, plan)
        except OSError:
            return False
        return True

    def _url(self) -> str:
        return str(self._platform.status().get("banks_control_url", ""))


def _ask(url: str, plan: Any = None) -> bytes:
    """Raises `OSError` where there is no good answer."""
    body = None if plan is None else msgspec.json.encode(plan)
    try:
        request = urllib.request.Request(url, data=body, method="GET" if plan is None else "PUT")  # noqa: S310
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            read: bytes = answer.read()
            return read
    except ValueError as error:
        raise OSError(str(error)) from None
