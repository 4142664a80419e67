"""Offline jobs: work that waits for online work, beside it on the same machines."""

from chuanliu.offline import job_store
from chuanliu.offline.home_store import Home
from chuanliu.offline.job_store import Job
from chuanliu.offline.jobs import CHUNK_S, JobState, Span, at_risk, expected_end, may_work
from chuanliu.offline.ledger_audit_store import LedgerAudit
from chuanliu.offline.leftovers_store import Leftovers
from chuanliu.offline.online_wait_store import OnlineWait
from chuanliu.offline.pace import Pace
from chuanliu.offline.pressure_store import CpuPressure, become_idle
from chuanliu.offline.reminders_store import Reminders
from chuanliu.offline.statements_store import Statements

__all__ = [
    "CHUNK_S",
    "CpuPressure",
    "Home",
    "Job",
    "JobState",
    "LedgerAudit",
    "Leftovers",
    "OnlineWait",
    "Pace",
    "Reminders",
    "Span",
    "Statements",
    "at_risk",
    "become_idle",
    "expected_end",
    "job_store",
    "may_work",
]
