"""Capacity: the calendar of events, traces, and what policies would have cost. Pure; no package of money imports it."""

from chuanliu.capacity.calendar import Event, Overlap, Quantiles, overlaps_of, text_of
from chuanliu.capacity.calendar_file import read_calendar
from chuanliu.capacity.evaluate import LAG, UNIT_RATE, Evaluation, Outcome, evaluate
from chuanliu.capacity.plan import Plan, Terms, make_plan, promises_of, why
from chuanliu.capacity.trace import Floats, Trace, read_trace

__all__ = [
    "LAG",
    "UNIT_RATE",
    "Evaluation",
    "Event",
    "Floats",
    "Outcome",
    "Overlap",
    "Plan",
    "Quantiles",
    "Terms",
    "Trace",
    "evaluate",
    "make_plan",
    "overlaps_of",
    "promises_of",
    "read_calendar",
    "read_trace",
    "text_of",
    "why",
]
