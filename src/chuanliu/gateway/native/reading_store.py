"""Connections for lists and reports, with the database's trouble told in the platform's words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from psycopg_pool import PoolTimeout

from chuanliu.errors import Busy, Unavailable
from chuanliu.gateway.composition import Services

_PATIENCE_S: Final = 5.0


@asynccontextmanager
async def reading(services: Services) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection whose work is committed at the end. Raises `Busy` when none gets free, `Unavailable` without one."""
    try:
        async with services.reads.connection(timeout=_PATIENCE_S) as connection:
            yield connection
    except PoolTimeout:
        raise Busy from None
    except psycopg.OperationalError as error:
        raise Unavailable from error
