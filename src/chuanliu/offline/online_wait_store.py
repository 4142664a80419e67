"""How long online requests wait before they are worked on, from the board of this machine's gateways."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from chuanliu.serving import Board

BEAT_S: Final = 0.05
"""How often a gateway writes; what is older shows a loop that stands still, and its requests wait as long."""


class OnlineWait:
    """The longest queue time of all gateways that write to the board of a file. Reading costs some microseconds.

    The board is opened anew when another one has taken its place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._board: Board | None = None
        self._file: tuple[int, int] | None = None

    def seconds(self) -> float | None:
        """None where no gateway of this machine tells."""
        board = self._current()
        if board is None:
            return None
        told = [one for one in board.places().values() if one.is_counted_on]
        return max((max(one.wait_us / 1e6, one.age_s - 2 * BEAT_S) for one in told), default=None)

    def _current(self) -> Board | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - fewer steps, many times a second
        except OSError:
            return self._board
        file = (found.st_dev, found.st_ino)
        if file != self._file:
            if self._board is not None:
                self._board.close()
            self._board = None
            try:
                self._board, self._file = Board(self._path), file
            except (OSError, ValueError):
                return None
        return self._board
