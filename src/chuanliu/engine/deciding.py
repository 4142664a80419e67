"""The decisions of a batch, in order of arrival, before anybody is told. Pure but for the ids it draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from chuanliu.clock import Micros
from chuanliu.engine.command import Context
from chuanliu.engine.discovery import Discovery
from chuanliu.engine.intake import Envelope
from chuanliu.engine.reference import Reference
from chuanliu.engine.rows import Keys, Need, Rows, Seen
from chuanliu.engine.table import Key, Table
from chuanliu.errors import ChuanliuError
from chuanliu.ids import IdSource, with_cell

log = structlog.get_logger()

_NEEDS_MAX = 32
"""Who goes down a list of campaigns that have run dry asks three times for each."""


_ALIKE_MAX = 32
"""So many needed nothing that others had not: those behind them most likely need the same, and wait for it."""


@dataclass(eq=False)
class CommandEnvelope(Envelope):
    """A command under way.

    `extra` is what earlier tries found that it needs besides. `numbers` are the ids that it has drawn: a batch that
    runs again makes the same ids, so that what a command asked for under a neighbour's new id is still there.
    """

    extra: Keys | None = None
    needs: int = 0
    numbers: list[int] = field(default_factory=list)

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        """Ask for rows, those of earlier tries included."""
        if self.extra is not None:
            keys.merge(self.extra)
        self.asked.discover(seen, keys, reference)

    def need(self, keys: Keys) -> None:
        """Ask for these too from now on."""
        self.needs += 1
        self.extra = self.extra or Keys()
        self.extra.merge(keys)


@dataclass
class Decided:
    """One try at a batch: outcomes to be told after the commit, who needs more rows, whose rows somebody holds.

    `needs` counts the decisions that asked for more rows.
    """

    outcomes: list[tuple[CommandEnvelope, Any, ChuanliuError | None]] = field(default_factory=list)
    needy: list[CommandEnvelope] = field(default_factory=list)
    held: list[CommandEnvelope] = field(default_factory=list)
    needs: int = 0

    def tell(self) -> None:
        """Resolve the outcomes."""
        for envelope, outcome, error in self.outcomes:
            if error is None:
                envelope.tell(outcome)
            else:
                envelope.fail(error)


class _Drawing:
    """New ids for one command after the other."""

    def __init__(self, ids: IdSource) -> None:
        self._ids = ids
        self._numbers: list[int] = []
        self._drawn = 0

    def begin(self, envelope: CommandEnvelope) -> None:
        self._numbers = envelope.numbers
        self._drawn = 0

    def new_id(self, cell: int) -> int:
        if self._drawn == len(self._numbers):
            self._numbers.append(self._ids.next())
        number = self._numbers[self._drawn]
        self._drawn += 1
        return with_cell(number, cell)


def decide(
    batch: Sequence[CommandEnvelope],
    discovery: Discovery[CommandEnvelope],
    rows: Rows,
    held: set[tuple[Table[Any], Key]],
    ids: IdSource,
    now: Micros,
) -> Decided:
    """Decide every command over the loaded rows, which carry what the commands before it changed.

    Those whose rows are among `held` are left alone, and those that failed in discovery have their error already. Where
    many need the same rows the try ends early: the batch runs again anyway.
    """
    decided = Decided()
    needed, alike = Keys(), 0
    drawing = _Drawing(ids)
    context = Context(now=now, reference=discovery.reference, new_id=drawing.new_id, lane=discovery.keys.lane)
    failed = discovery.failed
    for envelope in batch:
        if alike == _ALIKE_MAX:
            break
        if failed and envelope in failed:
            decided.outcomes.append((envelope, None, failed[envelope]))
            continue
        if held and _is_held(envelope, held, discovery):
            decided.held.append(envelope)
            continue
        drawing.begin(envelope)
        try:
            outcome = envelope.asked.decide(rows, context)
        except Need as need:
            rows.undo()
            decided.needs += 1
            if envelope.needs == _NEEDS_MAX:
                log.error("a command keeps asking for more rows", command=repr(envelope.asked)[:500])
                decided.outcomes.append((envelope, None, ChuanliuError("internal")))
                continue
            envelope.need(need.keys)
            decided.needy.append(envelope)
            if len(decided.needy) == 1:
                needed.merge(discovery.keys)
            if not needed.merge(need.keys):
                alike += 1
        except ChuanliuError as error:
            rows.undo()
            decided.outcomes.append((envelope, None, error))
        except Exception:
            rows.undo()
            log.exception("a decide raised", command=repr(envelope.asked)[:500])
            decided.outcomes.append((envelope, None, ChuanliuError("internal")))
        else:
            rows.keep()
            decided.outcomes.append((envelope, outcome, None))
    return decided


def _is_held(
    envelope: CommandEnvelope, held: set[tuple[Table[Any], Key]], discovery: Discovery[CommandEnvelope]
) -> bool:
    keys = Keys(discovery.keys.lane)
    envelope.discover(discovery.seen, keys, discovery.reference)
    if not held.isdisjoint(keys.locks):
        return True
    return any(
        (index.table, index.table.key_of(row)) in held
        for index, value in keys.look_indexes
        for row in discovery.seen.by_index.get((index, value), ())
    )
