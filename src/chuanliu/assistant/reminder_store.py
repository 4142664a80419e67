"""Which reminders were given, one row for each occasion and channel: what has a row is never given again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import psycopg

from chuanliu.clock import iso_text
from chuanliu.engine import OldRows
from chuanliu.ids import cell_of_party

Connection = psycopg.Connection[Any]

_WANTING: Final = """
    SELECT cell, consumer_id FROM assistant_profile
    WHERE (cell, consumer_id) > (%s, %s) AND reminders AND channels <> '' ORDER BY cell, consumer_id LIMIT %s
"""
_COUNT: Final = "SELECT count(*) FROM assistant_profile WHERE reminders AND channels <> ''"
_CLAIM: Final = """
    INSERT INTO reminder (cell, consumer_id, occasion, channel, status, subject, body, created_at)
    SELECT cell, consumer_id, occasion, channel, %s, subject, body, clock_timestamp()
    FROM unnest(%s::smallint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[])
        AS asked (cell, consumer_id, occasion, channel, subject, body)
    ORDER BY cell, consumer_id, occasion, channel
    ON CONFLICT (cell, consumer_id, occasion, channel) DO NOTHING
    RETURNING consumer_id, occasion, channel
"""
_GIVEN: Final = """
    SELECT consumer_id, occasion, channel FROM reminder
    JOIN unnest(%s::smallint[], %s::bigint[], %s::text[], %s::text[]) AS asked (cell, consumer_id, occasion, channel)
        USING (cell, consumer_id, occasion, channel)
"""
_KEY: Final = "cell = %s AND consumer_id = %s AND occasion = %s AND channel = %s AND status = 'claimed'"
_FINISH: Final = f"UPDATE reminder SET status = %s, finished_at = clock_timestamp() WHERE {_KEY}"  # noqa: S608
_RELEASE: Final = f"DELETE FROM reminder WHERE {_KEY}"  # noqa: S608
_INBOX: Final = """
    SELECT occasion, subject, body, (extract(epoch FROM created_at) * 1000000)::bigint FROM reminder
    WHERE cell = %s AND consumer_id = %s AND channel = 'in-app' AND status = 'sent'
    ORDER BY created_at DESC, occasion LIMIT %s
"""
_ALL: Final = """
    SELECT occasion, channel, status, subject, body, (extract(epoch FROM created_at) * 1000000)::bigint FROM reminder
    WHERE cell = %s AND consumer_id = %s ORDER BY created_at, occasion, channel
"""

OLD_REMINDERS: Final = OldRows(
    "reminder", ("cell", "consumer_id", "occasion", "channel"), "created_at < now() - interval '400 days'"
)
"""Occasions are of a month or a day, so none of these comes again."""


class Claim(NamedTuple):
    """A reminder by one channel."""

    consumer_id: int
    occasion: str
    channel: str
    subject: str
    body: str

    @property
    def key(self) -> tuple[int, str, str]:
        """What is never given twice."""
        return self.consumer_id, self.occasion, self.channel

    @property
    def _row(self) -> list[Any]:
        return [cell_of_party(self.consumer_id), *self.key]


def count_wanting(connection: Connection) -> int:
    """How many consumers want to be reminded."""
    row = connection.execute(_COUNT).fetchone()
    return int(row[0]) if row else 0


def wanting(connection: Connection, after: tuple[int, int], limit: int) -> list[tuple[int, int]]:
    """The next consumers who want to be reminded, by cell and number."""
    return [(int(cell), int(number)) for cell, number in connection.execute(_WANTING, [*after, limit]).fetchall()]


def _columns(asked: Sequence[Claim], count: int) -> list[list[Any]]:
    cells = [cell_of_party(each.consumer_id) for each in asked]
    return [cells, *([each[at] for each in asked] for at in range(count))]


def unclaimed(connection: Connection, asked: Sequence[Claim]) -> list[Claim]:
    """Those that nobody has claimed yet, to be claimed one by one as they are handed over."""
    if not asked:
        return []
    given = {tuple(row) for row in connection.execute(_GIVEN, _columns(asked, 3)).fetchall()}
    return [each for each in asked if each.key not in given]


def claim(connection: Connection, asked: Sequence[Claim], status: str = "claimed") -> list[Claim]:
    """Put them on record before they are given; `sent` where the record is the message. Returns those that are new."""
    if not asked:
        return []
    claimed = {tuple(row) for row in connection.execute(_CLAIM, [status, *_columns(asked, 5)]).fetchall()}
    return [each for each in asked if each.key in claimed]


def finish(connection: Connection, one: Claim, status: str) -> None:
    """It was given (`sent`), or may have been, or not, and is not tried again (`failed`)."""
    connection.execute(_FINISH, [status, *one._row])


def release(connection: Connection, one: Claim) -> None:
    """Nothing of it has left: it may be claimed again."""
    connection.execute(_RELEASE, one._row)


async def inbox(
    connection: psycopg.AsyncConnection[Any], consumer_id: int, limit: int = 20
) -> list[tuple[str, str, str, int]]:
    """A consumer's messages in the app, the newest first: occasion, subject, body, instant."""
    cursor = await connection.execute(_INBOX, [cell_of_party(consumer_id), consumer_id, limit])
    return list(await cursor.fetchall())


async def all_of(connection: psycopg.AsyncConnection[Any], consumer_id: int) -> list[dict[str, str]]:
    """Every reminder on record of a consumer, oldest first, to be exported."""
    cursor = await connection.execute(_ALL, [cell_of_party(consumer_id), consumer_id])
    names = ("occasion", "channel", "status", "subject", "body")
    return [
        {**dict(zip(names, row[:5], strict=True)), "created_at": iso_text(row[5])} for row in await cursor.fetchall()
    ]
