"""Notifications: when they are sent, where they may go, and how they are sent."""

from chuanliu.notifications.acknowledgement import Acknowledgement, alipay_acknowledged, native_acknowledged
from chuanliu.notifications.delivery_client import (
    DeliveryClient,
    DeliveryLimits,
    DeliveryResult,
    Outcome,
    Resolver,
    SystemResolver,
)
from chuanliu.notifications.delivery_store import (
    AttemptRecord,
    DueDelivery,
    claim_due,
    destination_key,
    postpone,
    record_attempts,
    redeliver,
    subscribers,
    write_deliveries,
)
from chuanliu.notifications.destination import Destination, DestinationPolicy
from chuanliu.notifications.places import Line, Places
from chuanliu.notifications.schedule import ALIPAY, NATIVE, Schedule
from chuanliu.notifications.sender_client import Render, Rendered, Sender

__all__ = [
    "ALIPAY",
    "NATIVE",
    "Acknowledgement",
    "AttemptRecord",
    "DeliveryClient",
    "DeliveryLimits",
    "DeliveryResult",
    "Destination",
    "DestinationPolicy",
    "DueDelivery",
    "Line",
    "Outcome",
    "Places",
    "Render",
    "Rendered",
    "Resolver",
    "Schedule",
    "Sender",
    "SystemResolver",
    "alipay_acknowledged",
    "claim_due",
    "destination_key",
    "native_acknowledged",
    "postpone",
    "record_attempts",
    "redeliver",
    "subscribers",
    "write_deliveries",
]
