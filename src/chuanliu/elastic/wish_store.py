"""What an operator asks for by hand: at least so many units for a while. One file in the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from chuanliu.clock import Micros

WISH_FILE: Final = "units-wish.json"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """At least so many units until an instant."""

    at_least: int
    until: Micros

    def units(self, now: Micros) -> int:
        """How many at `now`; 0 once it is over."""
        return self.at_least if now < self.until else 0


NOTHING: Final = Wish(at_least=0, until=0)


def write_wish(folder: Path, wish: Wish) -> None:
    """Put a wish in place of the former one."""
    fresh = folder / f"{WISH_FILE}.new"
    fresh.write_bytes(msgspec.json.encode(wish))
    fresh.replace(folder / WISH_FILE)


def read_wish(folder: Path) -> Wish:
    """The wish that is on record; where there is none, or none that can be read, nothing is wished for."""
    try:
        return msgspec.json.decode((folder / WISH_FILE).read_bytes(), type=Wish)
    except (OSError, msgspec.DecodeError):
        return NOTHING
