"""Rehearsals: the whole link under a scenario's load, by shadow parties whose money never meets real money."""

from chuanliu.rehearsal.guard import Guard, Limits, RealView, real_view
from chuanliu.rehearsal.rehearsing_client import Wishes, rehearse, remove_shadow
from chuanliu.rehearsal.report import Finding, Report
from chuanliu.rehearsal.report_page import render_report
from chuanliu.rehearsal.script import Part, Script, make_script

__all__ = [
    "Finding",
    "Guard",
    "Limits",
    "Part",
    "RealView",
    "Report",
    "Script",
    "Wishes",
    "make_script",
    "real_view",
    "rehearse",
    "remove_shadow",
    "render_report",
]
