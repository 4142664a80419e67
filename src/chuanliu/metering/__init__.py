"""Metering: what each tenant asked for and got, by class of request and second."""

from chuanliu.metering.classes import CASHIER_TENANT, CLASS_COUNT, COST_UNITS, UNKNOWN_TENANT, TrafficClass

__all__ = [
    "CASHIER_TENANT",
    "CLASS_COUNT",
    "COST_UNITS",
    "UNKNOWN_TENANT",
    "TrafficClass",
]
