"""Calendars in files."""

from __future__ import annotations

from pathlib import Path

from chuanliu.calendars.calendar_file import read_calendar
from chuanliu.calendars.events import Event
from chuanliu.calendars.icalendar_file import read_icalendar
from chuanliu.errors import Invalid


def events_of_file(path: Path) -> list[Event]:
    """The events of a calendar: iCalendar where the name ends with .ics, else YAML. Raises `Invalid` with the lines."""
    text = text_of_file(path)
    return read_icalendar(text) if path.suffix.lower() == ".ics" else read_calendar(text)


def text_of_file(path: Path) -> str:
    """The text of a UTF-8 file. Raises `Invalid` with the reason why it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Invalid("invalid_parameter", f"{path} cannot be read: {reason}") from None
