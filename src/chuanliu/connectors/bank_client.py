"""What every client of a bank can do, whatever its wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from chuanliu.connectors.bank import BankAnswer, BankRequest
from chuanliu.connectors.breaker import Breaker


class BankConnector(Protocol):
    """A way to one bank."""

    @property
    def breaker(self) -> Breaker:
        """What stops asking while the bank does not answer."""

    @property
    def in_flight(self) -> int:
        """Calls that wait for an answer now."""

    @property
    def counts(self) -> Mapping[str, int]:
        """What happened since the start, by name."""

    async def ask(self, request: BankRequest, within_s: float) -> BankAnswer:
        """Call and wait. Never raises: time-outs, lost links and rubbish are `unknown`.

        With a breaker that is open, or a link that is down before anything was sent, the reason is `bank_unavailable`:
        `refused` for an authorisation that was never sent before, `unknown` for all else. That we could not ask to
        complete, refund, reverse or inquire is not the bank's no.
        """

    async def close(self) -> None:
        """End the link. Who still waits gets `unknown`."""
