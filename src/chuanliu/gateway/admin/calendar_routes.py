"""Calendars of events in the admin API: what tenants declare, and what falls together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chuanliu.calendars import read_calendar
from chuanliu.gateway import calendars
from chuanliu.gateway.admin.documents import Document
from chuanliu.gateway.admin.operation import Operation, RawBody
from chuanliu.gateway.composition import Services

Params = Mapping[str, str]


async def list_calendars(services: Services, _body: None, _params: Params) -> Document:
    """All calendars with their events."""
    return {"calendars": await calendars.list_all(services)}


async def put_calendar(services: Services, body: RawBody, params: Params) -> Document:
    """Declare a calendar as JSON or YAML, in the place of the one that had its name. The planner plans anew at once.

    Its tenants are merchants' numbers, or `cashier`.
    """
    return await calendars.put(services, params["calendar"], read_calendar(body.text))


async def remove_calendar(services: Services, _body: None, params: Params) -> Document:
    """Take a calendar off the record."""
    return await calendars.remove(services, params["calendar"])


async def show_overlaps(services: Services, _body: None, _params: Params) -> Document:
    """Events of all calendars that fall together; a conflict is a tenant that promises twice at once."""
    return {"overlaps": await calendars.overlaps(services)}


CALENDAR_OPERATIONS: Final = (
    Operation("GET", "/admin/v1/calendars", None, list_calendars),
    Operation("PUT", "/admin/v1/calendars/{calendar}", RawBody, put_calendar),
    Operation("DELETE", "/admin/v1/calendars/{calendar}", None, remove_calendar),
    Operation("GET", "/admin/v1/calendar-overlaps", None, show_overlaps),
)
