"""Where a run takes place: a PostgreSQL server and a folder for what the run writes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chuanliu.runtime import EmbeddedPostgres, with_database


@dataclass(frozen=True)
class Ground:
    """`server_url` names the server's `postgres` database; `postgres_pid` is None for a server that is not ours."""

    server_url: str
    folder: Path
    postgres_pid: int | None


@contextmanager
def prepared_ground(data: Path, database_url: str | None) -> Iterator[Ground]:
    """The given server, or an embedded one of the bench's own under `data`, which is kept for the next run.

    It lies in the data folder and not among temporary files, whose disk may be memory, where a commit costs nothing.
    """
    home = data / "bench"
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=home))
    try:
        if database_url is not None:
            yield Ground(with_database(database_url, "postgres"), folder, None)
            return
        with EmbeddedPostgres(home / "server") as server:
            yield Ground(server.url("postgres"), folder, server.pid)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
