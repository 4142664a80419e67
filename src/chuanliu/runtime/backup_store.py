"""Backups by pg_dump: one consistent snapshot, taken beside running traffic."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from chuanliu.runtime.cluster_store import programs_folder
from chuanliu.runtime.start_errors import CannotStart


def back_up(database_url: str, file: Path) -> int:
    """Write the database to `file` in pg_dump's custom format and return its size in bytes.

    The file appears under its name only when it is complete. Raises `CannotStart` when it exists already, or when
    pg_dump is missing or fails.
    """
    if file.exists():
        raise CannotStart(f"{file} exists already; a backup never overwrites one")
    fresh = file.with_name(f".{file.name}.part")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as failure:
        raise CannotStart(f"cannot write {file}: {failure.strerror}") from failure
    try:
        with os.fdopen(descriptor, "wb") as output:
            # The URL may hold a password: it goes by the environment, which other users cannot see.
            done = subprocess.run(  # noqa: S603
                [_pg_dump(), "--format=custom", "--no-owner"],
                env={**os.environ, **_connection_variables(database_url)},
                stdout=output,
                stderr=subprocess.PIPE,
                text=False,
                check=False,
            )
            output.flush()
            os.fsync(output.fileno())
        if done.returncode != 0:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            raise CannotStart(f"pg_dump failed: {lines[-1] if lines else done.returncode}")
        fresh.rename(file)
    finally:
        fresh.unlink(missing_ok=True)
    return file.stat().st_size


def _connection_variables(database_url: str) -> dict[str, str]:
    """libpq's environment variables for what a URL says."""
    names = {option.keyword.decode(): (option.envvar or b"").decode() for option in Conninfo.get_defaults()}
    values = conninfo_to_dict(database_url)
    return {names[key]: str(value) for key, value in values.items() if value is not None and names.get(key)}


def _pg_dump() -> str:
    try:
        found = programs_folder() / "pg_dump"
    except CannotStart:
        found = Path()
    if found.is_file():
        return str(found)
    on_path = shutil.which("pg_dump")
    if on_path is None:
        raise CannotStart("pg_dump was not found: install PostgreSQL's client programs")
    return on_path
