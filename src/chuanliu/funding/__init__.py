"""Funding methods behind one interface: authorise, capture, charge, void, refund, inquire."""

from typing import Final

from chuanliu.funding.balance import BALANCE
from chuanliu.funding.method import Answer, FundingMethod, Leg, Verdict

METHODS: Final[dict[str, FundingMethod]] = {BALANCE.name: BALANCE}
"""All methods by the name that a payment leg carries."""

__all__ = ["BALANCE", "METHODS", "Answer", "FundingMethod", "Leg", "Verdict"]
