"""The first part of every batch: a transaction is begun, and rows are looked for until nothing new is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

import structlog

from chuanliu.clock import Micros
from chuanliu.engine import statements
from chuanliu.engine.connection import PipelineConnection
from chuanliu.engine.intake import E
from chuanliu.engine.loading import Loader
from chuanliu.engine.reference import Reference
from chuanliu.engine.rows import Keys, Seen
from chuanliu.engine.statements import Statement
from chuanliu.errors import ChuanliuError

log = structlog.get_logger()


class Discovery(Generic[E]):
    """What a batch asks for, and what was seen. Whose `discover` raises stands in `failed` and is asked no more."""

    def __init__(self, batch: Sequence[E], reference: Reference, lane: int = 0) -> None:
        self._batch = batch
        self.reference = reference
        self.seen = Seen()
        self.keys = Keys(lane)
        self.failed: dict[E, ChuanliuError] = {}

    async def begin(self, connection: PipelineConnection, loader: Loader, begin: Statement) -> tuple[int, Micros]:
        """Begin a transaction and answer the first looks in one exchange.

        Returns the version of the reference data that this transaction sees, and the database's clock.
        """
        self._ask(self.seen, self.keys)
        looks, asks = loader.look_calls(self.keys, self.seen)
        results = await connection.run([(begin, ()), (statements.CLOCK, ()), *looks])
        ((version, now),) = connection.rows(results[1], statements.CLOCK)
        loader.take_looks(self.seen, asks, results[2:])
        if looks:
            self._ask(self.seen, self.keys)
        return version, now

    async def finish(self, loader: Loader) -> None:
        """Run rounds until nothing new is looked for."""
        await loader.discover(self._ask, self.seen, self.keys)

    def _ask(self, seen: Seen, keys: Keys) -> None:
        for envelope in self._batch:
            if self.failed and envelope in self.failed:
                continue
            try:
                envelope.discover(seen, keys, self.reference)
            except ChuanliuError as error:
                self.failed[envelope] = error
            except Exception:
                log.exception("a discover raised", asked=repr(envelope.asked)[:500])
                self.failed[envelope] = ChuanliuError("internal")
