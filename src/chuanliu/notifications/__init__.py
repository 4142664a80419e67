"""Notifications: when they are sent, where they may go, and how they are sent."""

from chuanliu.notifications.acknowledgement import Acknowledgement, alipay_acknowledged, native_acknowledged
from chuanliu.notifications.breaker import Breaker
from chuanliu.notifications.delivery_client import (
    DeliveryClient,
    DeliveryLimits,
    DeliveryResult,
    Outcome,
    Resolver,
    SystemResolver,
)
from chuanliu.notifications.destination import Destination, DestinationPolicy
from chuanliu.notifications.schedule import ALIPAY, NATIVE, Schedule

__all__ = [
    "ALIPAY",
    "NATIVE",
    "Acknowledgement",
    "Breaker",
    "DeliveryClient",
    "DeliveryLimits",
    "DeliveryResult",
    "Destination",
    "DestinationPolicy",
    "Outcome",
    "Resolver",
    "Schedule",
    "SystemResolver",
    "alipay_acknowledged",
    "native_acknowledged",
]
