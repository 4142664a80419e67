"""The events that count at present: those on record, and those of a calendar file that may change at any time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chuanliu.calendars import declared_store
from chuanliu.calendars.declared_store import Connection
from chuanliu.calendars.events import Event
from chuanliu.calendars.files_store import events_of_file
from chuanliu.errors import ChuanliuError


class EventFeed:
    """Ask it to look as often as you like: it reads only what has changed.

    A file that cannot be read leaves its last events in force; `problem` says why. `edition` tells one set of events
    from the next.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._seen: int | None = None
        self._of_file: Sequence[Event] = ()
        self._declared = declared_store.Declared(-1, {})
        self.edition = 0
        self.problem = ""

    @property
    def events(self) -> list[Event]:
        """All of them, in no order."""
        return [*self._of_file, *self._declared.events]

    async def look(self, connection: Connection) -> None:
        """Look at the record, and at the file."""
        self.look_at_file()
        if await declared_store.version(connection) != self._declared.version:
            self._declared = await declared_store.read(connection)
            self.edition += 1

    def look_at_file(self) -> None:
        """Look at the file alone, where there is no database."""
        if self._file is None:
            return
        try:
            seen = self._file.stat().st_mtime_ns
            if seen != self._seen:
                # One with mistakes is read once, too.
                self._seen = seen
                self._of_file = events_of_file(self._file)
                self.problem = ""
                self.edition += 1
        except (ChuanliuError, OSError) as error:
            self.problem = str(error)
