"""Commands and queries: what the platform can be asked to do, as frozen values with pure rules.

A command runs in three steps that the lane drives for a whole batch at once: `discover` names the rows it needs, the
lane loads and locks them, and `decide` answers and changes rows. Neither does I/O nor reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from chuanliu.clock import Micros
from chuanliu.engine.reference import Reference
from chuanliu.engine.rows import Keys, Rows, Seen

Outcome = TypeVar("Outcome", covariant=True)


@dataclass(frozen=True, slots=True)
class Context:
    """What a decide may know besides rows: the batch's database clock, reference data, and new ids by cell.

    `lane` tells lanes apart, those of other processes too: what is spread by it is not waited for by another one.
    """

    now: Micros
    reference: Reference
    new_id: Callable[[int], int]
    lane: int = 0


class Command(msgspec.Struct, Generic[Outcome], frozen=True):
    """Base of all commands. Raise a `ChuanliuError` in `decide` to refuse: then nothing of the command is written.

    To refuse *and* write (a failed attempt that is on record), return an outcome that says so.
    """

    @property
    def affinity(self) -> int | None:
        """Commands of one affinity share a lane of a process, so that they never wait for each other's locks.

        None where it cannot be told before discovery; such commands go to the lanes in turn.
        """
        return None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        """Ask for rows. Called again with what was seen until nothing new is looked for. Asks for none by default."""

    def decide(self, rows: Rows, context: Context) -> Outcome:
        """Answer, and change rows. Pure: same rows and context, same outcome."""
        raise TypeError(f"{type(self).__name__} does not say what it decides")


class Query(msgspec.Struct, Generic[Outcome], frozen=True):
    """Base of all questions: like a command without locks and changes, on one snapshot of the database."""

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        """Look for rows. Called again with what was seen until nothing new is looked for. Looks for none by default."""

    def answer(self, seen: Seen, context: Context) -> Outcome:
        """The answer, from what was seen."""
        raise TypeError(f"{type(self).__name__} does not say what it answers")


AnyCommand = Command[Any]
AnyQuery = Query[Any]
