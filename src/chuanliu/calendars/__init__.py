"""Calendars of the events that tenants declare: in files, as iCalendar, and on record."""

from chuanliu.calendars import declared_store
from chuanliu.calendars.calendar_file import event_of, read_calendar
from chuanliu.calendars.declared_store import Connection, Declared
from chuanliu.calendars.events import SHAPES, Event, Overlap, Quantiles, Shape, overlaps_of, promised_at, text_of
from chuanliu.calendars.feed_store import EventFeed
from chuanliu.calendars.files_store import events_of_file, text_of_file
from chuanliu.calendars.icalendar_file import read_icalendar, write_icalendar
from chuanliu.calendars.line_numbered import EVENT_DAYS_MAX, Reading, compose

__all__ = [
    "EVENT_DAYS_MAX",
    "SHAPES",
    "Connection",
    "Declared",
    "Event",
    "EventFeed",
    "Overlap",
    "Quantiles",
    "Reading",
    "Shape",
    "compose",
    "declared_store",
    "event_of",
    "events_of_file",
    "overlaps_of",
    "promised_at",
    "read_calendar",
    "read_icalendar",
    "text_of",
    "text_of_file",
    "write_icalendar",
]
