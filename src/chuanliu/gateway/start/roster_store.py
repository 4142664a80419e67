"""The roster's file: kept beside the data, readable by its owner only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from chuanliu.gateway.start.roster import Roster

ROSTER_FILE: Final = "sandbox.json"


def read_roster(data: Path) -> Roster | None:
    """The roster of a data folder; None where there is none, or none that can be read."""
    try:
        return msgspec.json.decode((data / ROSTER_FILE).read_bytes(), type=Roster)
    except (OSError, msgspec.DecodeError):
        return None


def write_roster(data: Path, roster: Roster) -> None:
    """Write the roster whole or not at all."""
    fresh = data / f"{ROSTER_FILE}.new"
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(roster), indent=2))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(data / ROSTER_FILE)
