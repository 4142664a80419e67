"""Funding methods behind one interface: authorise, capture, charge, void, refund, inquire."""

from typing import Final

from chuanliu.funding.bank import ANSWER_WITHIN, BANK_METHODS, SET_ASIDE, record_call
from chuanliu.funding.internal import BALANCE, CREDIT_LINE
from chuanliu.funding.method import Answer, FundingMethod, Leg, Verdict
from chuanliu.funding.tables import BANK_CALL, BANK_CALL_STATES, CALLS_OF_PAYMENT, BankCall

METHODS: Final[dict[str, FundingMethod]] = {method.name: method for method in (BALANCE, CREDIT_LINE, *BANK_METHODS)}
"""All methods by the name that a payment leg carries."""

__all__ = [
    "ANSWER_WITHIN",
    "BALANCE",
    "BANK_CALL",
    "BANK_CALL_STATES",
    "BANK_METHODS",
    "CALLS_OF_PAYMENT",
    "CREDIT_LINE",
    "METHODS",
    "SET_ASIDE",
    "Answer",
    "BankCall",
    "FundingMethod",
    "Leg",
    "Verdict",
    "record_call",
]
