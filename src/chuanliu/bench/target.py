"""What the payment benchmarks need to know of the thing that they load: the platform, or the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from chuanliu.bench.http_framing import request_template
from chuanliu.bench.report import Backlog

AMOUNT = "1.00"
SUBJECT = "乌龙茶 oolong tea"


class Requests(msgspec.Struct, frozen=True, kw_only=True):
    """Requests made in advance: a template, a spool file with one line of tab-separated fields for each, how many."""

    template: bytes
    spool_path: str
    count: int
    accepted_statuses: tuple[str, ...] = ("200", "201")
    accepted_marker: bytes = b""


class Tally(msgspec.Struct, frozen=True):
    """What the generator knows for an audit: payments acknowledged, and requests that were never answered."""

    acknowledged: int
    unknown: int


class PaymentTarget(Protocol):
    """A running payment system with a stock of merchants and payers.

    Targets with the same `books` are audited together: they are views of one system.
    """

    @property
    def host(self) -> str:
        """Where it listens."""

    @property
    def port(self) -> int:
        """Where it listens."""

    @property
    def workers(self) -> int:
        """Processes that answer requests."""

    @property
    def books(self) -> str:
        """What tells its books from others."""

    def make_requests(self, count: int, folder: Path) -> Requests:
        """Mint payment codes and spool that many payments; each is good for one payment."""

    def backlog(self) -> Backlog | None:
        """What waits behind the answers; None where nothing can."""

    def roles(self) -> dict[str, list[int]]:
        """Process ids by role; every process of the target is a descendant of one of them."""

    def audit(self, tally: Tally) -> str:
        """ "clean", or what is wrong. Acknowledged payments must all be there, and none besides the unknown ones."""


class PaymentKind(msgspec.Struct, frozen=True):
    """What native payments are of: an amount, and a wish as JSON where it is not the balance that pays."""

    amount: str = AMOUNT
    wish: str = ""


PLAIN = PaymentKind()
"""From the balance."""


def native_template(code_digits: int, host: str, kind: PaymentKind = PLAIN) -> bytes:
    """Template of a native payment. The spooled fields are API key, reference and payment code."""
    wish = f',"wish":{kind.wish}' if kind.wish else ""
    body = f'{{"payment_code":"%b","amount":{{"currency":"CNY","value":"{kind.amount}"}},"subject":"{SUBJECT}"{wish}}}'
    headers = [
        ("authorization", "Bearer %b"),
        ("idempotency-key", "%b"),
        ("content-type", "application/json"),
        ("content-length", str(len(body.encode()) - len("%b") + code_digits)),
    ]
    return request_template("POST", "/v1/payments", host, headers, body)


def confirmation_template(host: str) -> bytes:
    """Template of a quote's confirmation. The spooled fields are quote, API key and the offer's one-digit number."""
    headers = [
        ("authorization", "Bearer %b"),
        ("content-type", "application/json"),
        ("content-length", str(len('{"offer":1}'))),
    ]
    return request_template("POST", "/v1/quotes/%b/confirm", host, headers, '{"offer":%b}')


def native_rows(api_keys: list[str], codes: Iterable[str], run: str) -> Iterator[bytes]:
    """Spool lines of native payments, spread evenly over the merchants; `run` keeps references of two runs apart."""
    for number, code in enumerate(codes):
        yield f"{api_keys[number % len(api_keys)]}\t{run}_{number:09d}\t{code}\n".encode()
