"""What a rehearsal and its load generator say to each other, a JSON object a line."""

from __future__ import annotations

import msgspec


class LoadTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant as the generator knows it: its key, and what it sends in each step."""

    api_key: str
    rates: list[float]


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True, tag="plan"):
    """What to send. `holds` are (tenant, from, to, at) in seconds of the run; `card_share` of payments are by card."""

    host: str
    port: int
    run: str
    seconds: float
    step_s: float
    tenants: list[LoadTenant]
    holds: list[tuple[int, float, float, float]]
    connections: int
    card_share: float
    seed: int


class Codes(msgspec.Struct, frozen=True, kw_only=True, tag="codes"):
    """Fresh payment codes of consumers who pay from their balance, and of those who pay by card."""

    balance: list[str]
    card: list[str]


class Go(msgspec.Struct, frozen=True, tag="go"):
    """The clock of the run begins."""


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Send nothing more."""


class TenantSecond(msgspec.Struct, kw_only=True, array_like=True):
    """What came of a tenant's requests that were due in one second.

    `over_share` and `overloaded` were turned away at the edge (429), `declined` refused for a reason of business,
    `failed` is an error of the platform, a lost connection or none, `unsent` found no connection in time. `latency`
    are microseconds of the answered, in buckets of `Histogram`.
    """

    row: int
    offered: int = 0
    answered: int = 0
    over_share: int = 0
    overloaded: int = 0
    declined: int = 0
    failed: int = 0
    unsent: int = 0
    latency: dict[int, int] = {}


class Books(msgspec.Struct, kw_only=True):
    """What the generator knows was acknowledged. `unknown` payments may or may not have been made."""

    payments: int = 0
    payments_minor: int = 0
    unknown: int = 0
    unknown_minor: int = 0
    refunds: int = 0
    refunds_minor: int = 0
    refunds_unknown: int = 0
    by_card: int = 0


class Second(msgspec.Struct, frozen=True, kw_only=True, tag="second"):
    """A report each second: what is settled of past seconds, and how many codes are left. `samples` are bodies of
    answers that were failures.
    """

    second: int
    settled: dict[int, list[TenantSecond]]
    codes_left: int
    card_codes_left: int
    books: Books
    samples: list[str] = []
    last: bool = False


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """All connections are open."""


ToLoad = LoadPlan | Codes | Go | Stop
FromLoad = Ready | Second
