"""The plan that is in force: of the current day, from calendars that may change at any time."""

from __future__ import annotations

from typing import Final

from chuanliu.calendars import Connection, EventFeed
from chuanliu.capacity import Plan, Terms, WantedUnits, make_plan, promises_of, wanted_units
from chuanliu.clock import HOUR, MINUTE, Micros
from chuanliu.elastic.slot_store import SlotRow, slots_of
from chuanliu.errors import ChuanliuError

SLOT: Final = 5 * MINUTE
SLOTS: Final = 288


class PlanFeed:
    """The units of the plan of the current day, made anew with each hour and whenever an event is declared or changes.

    A calendar that cannot be read, or promises that cannot be kept, leave the last plan in force; `problem` says why.
    """

    def __init__(self, events: EventFeed, *, unit_rate: float, units_max: int, lag: Micros) -> None:
        self._events, self._lag = events, lag
        self._terms = Terms(unit_rate=unit_rate, units_max=units_max)
        self._made: tuple[int, int] | None = None
        self._plan: Plan | None = None
        self._start: Micros = 0
        self._conflict = ""

    @property
    def problem(self) -> str:
        """Why there is no newer plan; empty where there is."""
        return self._events.problem or self._conflict

    async def look(self, connection: Connection) -> None:
        """Look at the calendars on record."""
        await self._events.look(connection)

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
        self._events.look_at_file()
        start = now // HOUR * HOUR
        made = (self._events.edition, start)
        events = self._events.events
        if made != self._made and (events or self._plan is not None):
            try:
                self._plan = make_plan(*promises_of(events, start, SLOT, SLOTS), self._terms)
                self._start, self._made, self._conflict = start, made, ""
            except ChuanliuError as error:
                self._conflict = str(error)
        return None if self._plan is None else wanted_units(self._plan, self._start, SLOT, now, self._lag)
