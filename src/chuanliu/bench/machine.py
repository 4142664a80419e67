"""Facts of the machine and the software that a figure was measured on."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
import psutil
import psycopg

POSTGRES_SETTINGS = (
    "checkpoint_timeout",
    "commit_delay",
    "deadlock_timeout",
    "effective_io_concurrency",
    "fsync",
    "full_page_writes",
    "io_method",
    "jit",
    "max_connections",
    "max_wal_size",
    "shared_buffers",
    "synchronous_commit",
    "wal_buffers",
    "wal_compression",
    "wal_sync_method",
    "work_mem",
)
PACKAGES = ("chuanliu", "cryptography", "fastapi", "httptools", "msgspec", "psycopg", "sqlalchemy", "uvicorn", "uvloop")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where a figure comes from. `postgres` and `postgres_settings` are empty where no server took part."""

    cpu: str
    cores: int
    memory_mb: int
    kernel: str
    python: str
    postgres: str
    postgres_settings: dict[str, str]
    packages: dict[str, str]
    load_average_before: float


def machine_facts(database_url: str | None = None) -> Machine:
    """Collect the facts now; with a database URL also the server's version and the settings that matter."""
    postgres, settings = _postgres(database_url) if database_url is not None else ("", {})
    return Machine(
        cpu=_cpu_model(),
        cores=psutil.cpu_count() or 0,
        memory_mb=psutil.virtual_memory().total >> 20,
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {sys.version.split()[0]}",
        postgres=postgres,
        postgres_settings=settings,
        packages=_packages(),
        load_average_before=round(psutil.getloadavg()[0], 2),
    )


def _cpu_model() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _packages() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _postgres(database_url: str) -> tuple[str, dict[str, str]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        server = connection.execute("SHOW server_version").fetchone()
        rows = connection.execute(
            "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s) ORDER BY name",
            [list(POSTGRES_SETTINGS)],
        ).fetchall()
    return (str(server[0]) if server else ""), {str(name): str(setting) for name, setting in rows}
