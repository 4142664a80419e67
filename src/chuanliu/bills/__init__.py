"""Bills: statements of lines in our books, made from ledger postings; bills of other lenders as seen here."""

from chuanliu.bills import generation_store, statement_store
from chuanliu.bills.audit_store import CHECKS as BILL_CHECKS
from chuanliu.bills.auto_repayment import (
    AgreeAutoRepay,
    AutoRepayment,
    FindAutoRepayment,
    RepaymentOffer,
    SetAutoRepay,
)
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
from chuanliu.bills.charging import ApplyCharge, AskCharge, DeclineCharge, order_of
from chuanliu.bills.claims import Allocation, Charges, Share, allocate, last_billed, last_due, lateness, unpaid
from chuanliu.bills.cycles import Cycle, cycle_of, cycle_of_terms, due_after, ended_cycles, next_cycle
from chuanliu.bills.due_store import DueLine, due_lines
from chuanliu.bills.exports import day_text, signed, statement_csv, statement_pdf
from chuanliu.bills.hardship import HardshipOffer, Reschedule, hardship_offer, rescheduled
from chuanliu.bills.mirrored import MIRRORED_LABEL, MirroredBill, mirrored_bills
from chuanliu.bills.queries import FindStandings, FindStatement, FindStatements
from chuanliu.bills.repaying import BALANCE_METHOD, BillPaid, CollectBill, RepayBill
from chuanliu.bills.statement_store import StatementLine
from chuanliu.bills.tables import (
    BILL_CHARGE,
    BILL_NOTICE,
    CHARGES_OF_LINE,
    HARDSHIP,
    LINE_STANDING,
    STATEMENT,
    STATEMENTS_OF_CONSUMER,
    STATEMENTS_OF_LINE,
    BillCharge,
    BillNotice,
    Hardship,
    LineStanding,
    Statement,
)
from chuanliu.bills.wording import FIGURE_TEXTS, Tongue, figure_text, kind_text

__all__ = [
    "BALANCE_METHOD",
    "BILL_CHARGE",
    "BILL_CHECKS",
    "BILL_NOTICE",
    "CHARGES_OF_LINE",
    "FIGURE_TEXTS",
    "HARDSHIP",
    "LINE_STANDING",
    "MIRRORED_LABEL",
    "STATEMENT",
    "STATEMENTS_OF_CONSUMER",
    "STATEMENTS_OF_LINE",
    "AgreeAutoRepay",
    "Allocation",
    "ApplyCharge",
    "AskCharge",
    "AutoRepayment",
    "BillCharge",
    "BillNotice",
    "BillPaid",
    "Charges",
    "CollectBill",
    "Cycle",
    "DeclineCharge",
    "DueLine",
    "Dues",
    "FindAutoRepayment",
    "FindStandings",
    "FindStatement",
    "FindStatements",
    "Hardship",
    "HardshipOffer",
    "Line",
    "LineStanding",
    "MirroredBill",
    "Opening",
    "PlanAtCut",
    "Postings",
    "RepayBill",
    "RepaymentOffer",
    "Reschedule",
    "SetAutoRepay",
    "Share",
    "Statement",
    "StatementLine",
    "Tongue",
    "allocate",
    "cycle_of",
    "cycle_of_terms",
    "day_text",
    "due_after",
    "due_lines",
    "dues_at_cut",
    "ended_cycles",
    "figure_text",
    "generation_store",
    "hardship_offer",
    "kind_text",
    "last_billed",
    "last_due",
    "lateness",
    "make_statement",
    "minimum_payment",
    "mirrored_bills",
    "next_cycle",
    "order_of",
    "rescheduled",
    "signed",
    "statement_csv",
    "statement_pdf",
    "statement_store",
    "unpaid",
]
