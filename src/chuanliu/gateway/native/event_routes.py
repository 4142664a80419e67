"""Reading events behind a cursor."""

from __future__ import annotations

import asyncio
from typing import Final

from chuanliu.engine import dispatch_store
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.account_documents import Events, EventsQuery
from chuanliu.gateway.native.event_body import event_document, subject_of
from chuanliu.gateway.native.operation import Answer, Call, Operation
from chuanliu.gateway.native.reading_store import reading
from chuanliu.gateway.native.rendering import encode
from chuanliu.ids import cell_of_party

LOOK_EVERY_S: Final = 0.25


async def list_events(services: Services, call: Call) -> Answer:
    """Events behind a cursor."""
    return Answer(200, encode(await events_behind(services, call.merchant_id, call.query)))


async def events_behind(services: Services, party_id: int, query: EventsQuery) -> Events:
    """A party's events. A caller that waits holds no connection of the database between two looks."""
    loop = asyncio.get_running_loop()
    until = loop.time() + query.wait_s
    while not (found := await _read(services, party_id, query)):
        left = until - loop.time()
        if left <= 0:
            break
        await asyncio.sleep(min(LOOK_EVERY_S, left))
    cursor = found[-1].seq if found else query.after
    documents = tuple(
        event_document(each.kind, subject_of(each.kind, each.payload), each.event_id, each.seq) for each in found
    )
    return Events(documents, str(cursor))


async def _read(services: Services, party_id: int, query: EventsQuery) -> list[dispatch_store.LoggedEvent]:
    async with reading(services) as connection:
        return await dispatch_store.read_events(connection, cell_of_party(party_id), party_id, query.after, query.limit)


OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/events",
        list_events,
        "Read events behind a cursor",
        tag="Events",
        description=(
            "Events are numbered by one writer, so a reader that goes on from `next_cursor` misses none. "
            "With `wait_s` the answer comes as soon as there is an event."
        ),
        query=EventsQuery,
        response=Events,
    ),
)
