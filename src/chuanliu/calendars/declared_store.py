"""Calendars on record in PostgreSQL, each under a name: what operators declare by API or command, and planners read.

A calendar is replaced as a whole. Each change raises one version, by which a planner sees that there is something new.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import psycopg

from chuanliu.calendars.events import Event
from chuanliu.errors import Invalid, NotFound

Connection = psycopg.AsyncConnection[Any]

EVENTS_MAX: Final = 5_000
"""The most events of one calendar, each pulse of a train counted."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(list[Event]).decode

_RAISE: Final = "UPDATE calendar_version SET version = version + 1"
_PUT: Final = f"""
    WITH raised AS ({_RAISE})
    INSERT INTO declared_calendar (name, events) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET events = excluded.events, changed_at = clock_timestamp()
"""  # noqa: S608 - of constants
_REMOVE: Final = f"""
    WITH removed AS (DELETE FROM declared_calendar WHERE name = %s RETURNING name), raised AS ({_RAISE})
    SELECT count(*) FROM removed
"""  # noqa: S608 - of constants


class Declared(NamedTuple):
    """All calendars by name, and the version that they are of."""

    version: int
    calendars: Mapping[str, Sequence[Event]]

    @property
    def events(self) -> list[Event]:
        """The events of all of them."""
        return [event for events in self.calendars.values() for event in events]


def check_name(name: str) -> str:
    """The same name: 1 to 64 of a-z, 0-9, `.`, `_` and `-`. Raises `Invalid(invalid_parameter)`."""
    if _NAME.fullmatch(name) is None:
        raise Invalid("invalid_parameter", "a calendar's name is 1 to 64 of a-z, 0-9, . _ and -", field="calendar")
    return name


async def put(connection: Connection, name: str, events: Sequence[Event]) -> None:
    """Put a calendar on record, in the place of the one that had its name. Raises `Invalid(invalid_parameter)`."""
    check_name(name)
    if sum(event.pulses for event in events) > EVENTS_MAX:
        problem = f"a calendar has at most {EVENTS_MAX} events and pulses"
        raise Invalid("invalid_parameter", problem, field="events")
    await connection.execute(_PUT, [name, _encode(events)])


async def remove(connection: Connection, name: str) -> None:
    """Take a calendar off the record. Raises `NotFound(calendar_not_found)`."""
    row = await (await connection.execute(_REMOVE, [check_name(name)])).fetchone()
    if row is None or not row[0]:
        raise NotFound("calendar_not_found")


async def version(connection: Connection) -> int:
    """Larger with each change."""
    row = await (await connection.execute("SELECT version FROM calendar_version")).fetchone()
    return int(row[0]) if row is not None else 0


async def read(connection: Connection) -> Declared:
    """All calendars, in the order of their names."""
    cursor = await connection.execute(
        "SELECT version, name, events FROM calendar_version LEFT JOIN declared_calendar ON true ORDER BY name"
    )
    rows = await cursor.fetchall()
    found = {name: _decode(events) for _, name, events in rows if name is not None}
    return Declared(rows[0][0] if rows else 0, found)
