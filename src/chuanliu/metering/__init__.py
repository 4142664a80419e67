"""Metering: what each tenant asked for and got, by class of request and second."""

from chuanliu.metering import meter_store
from chuanliu.metering.classes import CASHIER_TENANT, CLASS_COUNT, COST_UNITS, UNKNOWN_TENANT, TrafficClass
from chuanliu.metering.history import offered_rates
from chuanliu.metering.meter import MeteredRow, Tally, TrafficMeter, tenant_name, tenant_of_name

__all__ = [
    "CASHIER_TENANT",
    "CLASS_COUNT",
    "COST_UNITS",
    "UNKNOWN_TENANT",
    "MeteredRow",
    "Tally",
    "TrafficClass",
    "TrafficMeter",
    "meter_store",
    "offered_rates",
    "tenant_name",
    "tenant_of_name",
]
