"""The offline job that makes statements of all lines in our books."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from chuanliu.bills import generation_store
from chuanliu.clock import DAY, HOUR, Micros
from chuanliu.lenders import Product
from chuanliu.offline.job_store import Connection


class Statements:
    """Bills every serviced product whose cycle has ended. Its unit is a line looked at.

    `products` gives those there are at the moment.
    """

    name: Final = "statements"
    every: Final[Micros] = HOUR
    within: Final[Micros] = DAY

    def __init__(self, products: Callable[[], list[Product]]) -> None:
        self._products = products

    def remaining(self, connection: Connection) -> int:
        """Lines to look at, once for each cycle."""
        now = time.time_ns() // 1000
        return sum(generation_store.lines_to_do(connection, product, now) for product in self._products())

    def chunks(self, connection: Connection) -> Iterator[int]:
        """Each chunk is one transaction of the statement run."""
        now = time.time_ns() // 1000
        generation_store.prepare(connection)
        for product in self._products():
            for _, done in generation_store.chunks_of(connection, product, now):
                yield done.lines
