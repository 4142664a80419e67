"""Calendars of events on record, as the admin API and the command line declare and show them."""

from chuanliu.gateway.calendars.calendar_routes import list_all, overlaps, put, remove

__all__ = ["list_all", "overlaps", "put", "remove"]
