"""The admin API under /admin/v1, and what it shares with the command line."""

from chuanliu.gateway.admin.certifying_routes import certify, set_encrypt_key
from chuanliu.gateway.admin.documents import merchant_document
from chuanliu.gateway.admin.instrument_routes import link_card, prove_consumer
from chuanliu.gateway.admin.lender_documents import instrument_view, lender_view, product_view
from chuanliu.gateway.admin.operation import Operation, RawBody
from chuanliu.gateway.admin.routes import OPERATIONS, add_routes, openapi_document

__all__ = [
    "OPERATIONS",
    "Operation",
    "RawBody",
    "add_routes",
    "certify",
    "instrument_view",
    "lender_view",
    "link_card",
    "merchant_document",
    "openapi_document",
    "product_view",
    "prove_consumer",
    "set_encrypt_key",
]
