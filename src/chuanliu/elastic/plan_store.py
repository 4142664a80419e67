"""The plan that is in force: of the current day, from a calendar file that may change at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from chuanliu.capacity import Plan, Terms, WantedUnits, make_plan, promises_of, wanted_units
from chuanliu.clock import HOUR, MINUTE, Micros
from chuanliu.elastic.calendar_store import events_of_file
from chuanliu.elastic.slot_store import SlotRow, slots_of
from chuanliu.errors import ChuanliuError

SLOT: Final = 5 * MINUTE
SLOTS: Final = 288


class PlanFeed:
    """The units of the plan of the current day, made anew with each hour and whenever the calendar file changes.

    A calendar that cannot be read, or promises that cannot be kept, leave the last plan in force; `problem` says why.
    """

    def __init__(self, calendar: Path, *, unit_rate: float, units_max: int, lag: Micros) -> None:
        self._calendar, self._lag = calendar, lag
        self._terms = Terms(unit_rate=unit_rate, units_max=units_max)
        self._made: tuple[int, int] | None = None
        self._plan: Plan | None = None
        self._start: Micros = 0
        self.problem = ""

    @property
    def slots(self) -> list[SlotRow]:
        """The plan in force by slot; empty while there has been none."""
        return [] if self._plan is None else slots_of(self._plan, self._terms, self._start, SLOT)

    @property
    def made(self) -> tuple[int, int] | None:
        """What tells one plan from the next; None while there has been none."""
        return self._made

    def wanted(self, now: Micros) -> WantedUnits | None:
        """What is wanted at `now`; `None` while there has been no plan yet."""
        start = now // HOUR * HOUR
        try:
            made = (self._calendar.stat().st_mtime_ns, start)
            if made != self._made:
                events = events_of_file(self._calendar)
                self._plan = make_plan(*promises_of(events, start, SLOT, SLOTS), self._terms)
                self._start, self._made, self.problem = start, made, ""
        except (ChuanliuError, OSError) as error:
            self.problem = str(error)
        return None if self._plan is None else wanted_units(self._plan, self._start, SLOT, now, self._lag)
