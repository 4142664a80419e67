"""What may be done with calendars on record, and how they are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from chuanliu.calendars import Event, declared_store, overlaps_of
from chuanliu.clock import MINUTE, iso_text
from chuanliu.errors import Invalid, NotFound
from chuanliu.gateway.composition import Services
from chuanliu.metering import CASHIER_TENANT, tenant_of_name
from chuanliu.parties import find_merchant

Document = dict[str, Any]

OVERLAPS_MAX: Final = 500


async def list_all(services: Services) -> list[Document]:
    """All calendars with their events, by name."""
    async with services.reads.connection() as connection:
        declared = await declared_store.read(connection)
    return [_document(name, events) for name, events in declared.calendars.items()]


async def put(services: Services, name: str, events: Sequence[Event]) -> Document:
    """Put a calendar on record, in the place of the one that had its name. Shown with all overlaps that there are then.

    Raises `Invalid(invalid_parameter)` for a name or a tenant that is none, `NotFound(merchant_not_found)`.
    """
    declared_store.check_name(name)
    _check_tenants(services, events)
    async with services.reads.connection() as connection:
        await declared_store.put(connection, name, events)
        declared = await declared_store.read(connection)
    return {**_document(name, events), "overlaps": await _overlaps(declared.events)}


async def remove(services: Services, name: str) -> Document:
    """Take a calendar off the record. Raises `NotFound(calendar_not_found)`."""
    async with services.reads.connection() as connection:
        await declared_store.remove(connection, name)
    return _document(name, [])


async def overlaps(services: Services) -> list[Document]:
    """Events of all calendars that fall together."""
    async with services.reads.connection() as connection:
        declared = await declared_store.read(connection)
    return await _overlaps(declared.events)


async def _overlaps(events: Sequence[Event]) -> list[Document]:
    """The first 500, found off the loop on which others are answered."""
    found: list[Document] = msgspec.to_builtins(await asyncio.to_thread(overlaps_of, events, OVERLAPS_MAX))
    return found


def _check_tenants(services: Services, events: Sequence[Event]) -> None:
    """Raises `Invalid(invalid_parameter)` for a tenant that is no number, `NotFound(merchant_not_found)`."""
    for name in sorted({event.tenant for event in events}):
        tenant_id = tenant_of_name(name)
        if tenant_id is None:
            problem = f"a tenant is a merchant's 16 digits or `cashier`, not {name[:40]}"
            raise Invalid("invalid_parameter", problem, field="tenant")
        if tenant_id != CASHIER_TENANT and find_merchant(services.engine.reference, tenant_id) is None:
            raise NotFound("merchant_not_found", f"there is no merchant {name}", field="tenant")


def event_document(event: Event) -> Document:
    """An event as it is shown: times in ISO 8601 (UTC), lengths in minutes."""
    window = {"window": {"from": iso_text(event.start), "to": iso_text(event.end)}}
    when = window if event.unknown_time else {"start": iso_text(event.start)}
    length = (event.end - event.start) if event.every else event.duration
    shown: Document = {
        "tenant": event.tenant,
        "name": event.name,
        **when,
        "duration_minutes": length / MINUTE,
        "shape": event.shape,
        "peak_per_s": msgspec.to_builtins(event.peak_per_s),
    }
    if event.every:
        shown["every_minutes"] = event.every / MINUTE
    if event.unknown_time:
        shown["standby_per_s"] = event.standby_per_s
    if event.multiplies is not None:
        shown["multiplies"] = event.multiplies
    return shown


def _document(name: str, events: Sequence[Event]) -> Document:
    return {"calendar": name, "events": [event_document(event) for event in events]}
