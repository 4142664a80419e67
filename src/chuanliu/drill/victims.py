"""Who is killed: shares that hold for any number of kills, so that no draw spares the database."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle, islice
from typing import Final, Literal

Victim = Literal["gateway", "worker", "backend", "auxiliary", "postmaster", "supervisor", "banks"]
"""`backend` serves a connection; `auxiliary` is PostgreSQL's checkpointer or its writer of the log; `banks` is the
process that simulates them.
"""

POSTGRES: Final[frozenset[Victim]] = frozenset({"backend", "auxiliary", "postmaster"})

_SHARES: Final[tuple[Victim, ...]] = (
    "backend",
    "gateway",
    "postmaster",
    "supervisor",
    "worker",
    "auxiliary",
    "gateway",
    "backend",
    "worker",
    "gateway",
)
"""Every beginning of it, however often it is repeated, is at least a third PostgreSQL's."""

_SHARES_WITH_BANKS: Final[tuple[Victim, ...]] = (
    "backend",
    "gateway",
    "postmaster",
    "banks",
    "supervisor",
    "backend",
    "worker",
    "auxiliary",
    "gateway",
    "backend",
    "banks",
    "worker",
)
"""The same of a drill in which banks pay."""

_STAND_INS: Final[dict[Victim, Victim]] = {"auxiliary": "backend", "postmaster": "backend"}
"""Whom to kill instead on a server that is not ours: there a backend can be ended, and nothing else."""


def choose_victims(count: int, *, own_server: bool = True, banks: bool = False) -> list[Victim]:
    """The victims of a drill, in an order that is for the caller to shuffle."""
    chosen = islice(cycle(_SHARES_WITH_BANKS if banks else _SHARES), count)
    return list(chosen) if own_server else [_STAND_INS.get(victim, victim) for victim in chosen]


def processes_of(victim: Victim, processes: Iterable[tuple[int, str]]) -> list[int]:
    """Of the postmaster's children, as (pid, title): those that are such a victim."""
    marks = ("[local]", "127.0.0.1") if victim == "backend" else (": checkpointer", ": walwriter")
    return [pid for pid, title in processes if any(mark in title for mark in marks)]
