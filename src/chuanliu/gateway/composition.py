"""What the routes of every dialect are given. Composed once a process in `runtime`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from psycopg_pool import AsyncConnectionPool

from chuanliu.acquiring import Banks
from chuanliu.engine import Engine
from chuanliu.parties import Vault


@dataclass(frozen=True)
class Services:
    """`engine` runs commands and queries; `banks` are asked what payments have put on record; `reads` are a few
    connections for lists and reports; `signers` are threads for RSA.

    `public_url` is what merchants and consumers see, without a slash at the end.
    """

    engine: Engine
    banks: Banks
    vault: Vault
    reads: AsyncConnectionPool[Any]
    signers: ThreadPoolExecutor
    public_url: str
    sandbox: bool
