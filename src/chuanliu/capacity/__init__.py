"""Capacity: the calendar of events, traces, and what policies would have cost. Pure; no package of money imports it."""

from chuanliu.capacity.evaluate import LAG, UNIT_RATE, Evaluation, Outcome, evaluate
from chuanliu.capacity.event_course import Course, averaged, hill_course, plateau_course, ramp_course, step_course
from chuanliu.capacity.forecast import EventsLearned, Forecast, Score, forecast
from chuanliu.capacity.jobs import OfflineJob, read_jobs
from chuanliu.capacity.kubernetes import WantedUnits, manifests, wanted_units
from chuanliu.capacity.plan import Plan, Terms, Work, make_plan, promises_of, why, work_of
from chuanliu.capacity.scenario import Member, Scenario, load_of
from chuanliu.capacity.scenario_file import read_scenario
from chuanliu.capacity.trace import Floats, Trace, read_trace, trace_rows
from chuanliu.capacity.windows import Window, windows_of

__all__ = [
    "LAG",
    "UNIT_RATE",
    "Course",
    "Evaluation",
    "EventsLearned",
    "Floats",
    "Forecast",
    "Member",
    "OfflineJob",
    "Outcome",
    "Plan",
    "Scenario",
    "Score",
    "Terms",
    "Trace",
    "WantedUnits",
    "Window",
    "Work",
    "averaged",
    "evaluate",
    "forecast",
    "hill_course",
    "load_of",
    "make_plan",
    "manifests",
    "plateau_course",
    "promises_of",
    "ramp_course",
    "read_jobs",
    "read_scenario",
    "read_trace",
    "step_course",
    "trace_rows",
    "wanted_units",
    "why",
    "windows_of",
    "work_of",
]
