"""What may be asked of campaigns, the same for the admin API, for lenders, and for the command line."""

from chuanliu.gateway.campaigns.campaign_routes import (
    MOVE_TEXTS,
    MOVES,
    BudgetBody,
    ScheduleBody,
    add_budget,
    change,
    create,
    document_of,
    find,
    list_all,
    move,
    schedule,
)
from chuanliu.gateway.campaigns.report_routes import ReportQuery, report

__all__ = [
    "MOVES",
    "MOVE_TEXTS",
    "BudgetBody",
    "ReportQuery",
    "ScheduleBody",
    "add_budget",
    "change",
    "create",
    "document_of",
    "find",
    "list_all",
    "move",
    "report",
    "schedule",
]
