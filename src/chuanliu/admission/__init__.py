"""Admission: who may come in when not all can. Shares, leases, and the gate that each process keeps."""

from chuanliu.admission.shares import Limits, borrowing_shares, fair_shares, nominal_limits, proportional_shares

__all__ = [
    "Limits",
    "borrowing_shares",
    "fair_shares",
    "nominal_limits",
    "proportional_shares",
]
