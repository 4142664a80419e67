"""Bills: statements of lines in our books, made from ledger postings; bills of other lenders as seen here."""

from chuanliu.bills import generation_store, statement_store
from chuanliu.bills.audit_store import CHECKS as BILL_CHECKS
from chuanliu.bills.billing import (
    Dues,
    Line,
    Opening,
    PlanAtCut,
    Postings,
    dues_at_cut,
    make_statement,
    minimum_payment,
)
from chuanliu.bills.cycles import Cycle, cycle_of, cycle_of_terms, day_number, due_after, ended_cycles, next_cycle
from chuanliu.bills.exports import day_text, signed, statement_csv, statement_pdf
from chuanliu.bills.mirrored import MIRRORED_LABEL, MirroredBill, mirrored_bills
from chuanliu.bills.queries import FindStatement, FindStatements
from chuanliu.bills.statement_store import StatementLine
from chuanliu.bills.tables import STATEMENT, STATEMENTS_OF_CONSUMER, STATEMENTS_OF_LINE, Statement
from chuanliu.bills.wording import FIGURE_TEXTS, Tongue, figure_text, kind_text

__all__ = [
    "BILL_CHECKS",
    "FIGURE_TEXTS",
    "MIRRORED_LABEL",
    "STATEMENT",
    "STATEMENTS_OF_CONSUMER",
    "STATEMENTS_OF_LINE",
    "Cycle",
    "Dues",
    "FindStatement",
    "FindStatements",
    "Line",
    "MirroredBill",
    "Opening",
    "PlanAtCut",
    "Postings",
    "Statement",
    "StatementLine",
    "Tongue",
    "cycle_of",
    "cycle_of_terms",
    "day_number",
    "day_text",
    "due_after",
    "dues_at_cut",
    "ended_cycles",
    "figure_text",
    "generation_store",
    "kind_text",
    "make_statement",
    "minimum_payment",
    "mirrored_bills",
    "next_cycle",
    "signed",
    "statement_csv",
    "statement_pdf",
    "statement_store",
]
