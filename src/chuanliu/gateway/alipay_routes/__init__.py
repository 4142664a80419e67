"""The Alipay dialect where it meets engine and network: what a process mounts, and the wallet's side of app.pay."""

from chuanliu.gateway.alipay_routes.mount_routes import (
    add_routes,
    is_alipay,
    overload,
    refuse,
    refuse_named,
    signer_of,
)
from chuanliu.gateway.alipay_routes.order_string_routes import pay_order_string, result_for_app

__all__ = [
    "add_routes",
    "is_alipay",
    "overload",
    "pay_order_string",
    "refuse",
    "refuse_named",
    "result_for_app",
    "signer_of",
]
