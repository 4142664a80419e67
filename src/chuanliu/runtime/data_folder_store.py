"""The data folder of an installation: who holds it, and the file that tells what runs on it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from chuanliu.runtime.start_errors import CannotStart

STATUS_FILE: Final = "status.json"


def lock_folder(folder: Path, name: str = "lock") -> int:
    """Take the folder for this process; the lock goes when the process does. Raises `CannotStart` when it is taken."""
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise CannotStart(
            f"the data folder {folder} is in use by another run; stop it or choose another folder"
        ) from None
    return descriptor


def write_status(folder: Path, status: Mapping[str, Any]) -> None:
    """Put a status file in place of the former one, whole at every moment and readable by nobody else."""
    fresh = folder / f"{STATUS_FILE}.new"
    # The database's URL may hold a password.
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(status, indent=2))
    fresh.replace(folder / STATUS_FILE)


def read_status(folder: Path) -> dict[str, Any] | None:
    """The status file of a data folder, or None where nothing was ever started."""
    try:
        status: dict[str, Any] = json.loads((folder / STATUS_FILE).read_text())
    except (OSError, ValueError):
        return None
    return status
