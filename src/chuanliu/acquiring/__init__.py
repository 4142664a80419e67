"""Calls to banks: made after the commit that recorded them, answered by a command, swept up when an answer is lost."""

from chuanliu.acquiring.bank_meter import BankMeter
from chuanliu.acquiring.banks_client import ANSWER_WITHIN_S, PAYER_WAITS_S, Banks, BankState
from chuanliu.acquiring.bill_collector_client import BillCollector
from chuanliu.acquiring.sweep_store import OLD_QUOTES, WaitingCalls, due_quotes, held_quotes, waiting_calls
from chuanliu.acquiring.sweeper_client import CALLS_MAX, BankSweeper

__all__ = [
    "ANSWER_WITHIN_S",
    "CALLS_MAX",
    "OLD_QUOTES",
    "PAYER_WAITS_S",
    "BankMeter",
    "BankState",
    "BankSweeper",
    "Banks",
    "BillCollector",
    "WaitingCalls",
    "due_quotes",
    "held_quotes",
    "waiting_calls",
]
