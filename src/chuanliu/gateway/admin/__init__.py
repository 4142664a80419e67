"""The admin API under /admin/v1, and what it shares with the command line."""

from chuanliu.gateway.admin.certifying_routes import certify, set_encrypt_key
from chuanliu.gateway.admin.documents import merchant_document
from chuanliu.gateway.admin.operation import Operation
from chuanliu.gateway.admin.routes import OPERATIONS, add_routes

__all__ = ["OPERATIONS", "Operation", "add_routes", "certify", "merchant_document", "set_encrypt_key"]
