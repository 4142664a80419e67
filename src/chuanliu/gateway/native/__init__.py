"""The native dialect: a JSON API for the whole life of a payment, its OpenAPI document, and webhooks."""

from chuanliu.gateway.native.event_body import event_document, native_event, native_headers, subject_of
from chuanliu.gateway.native.idempotent import Idempotent
from chuanliu.gateway.native.openapi import openapi_document
from chuanliu.gateway.native.operation import Answer, Call, Operation
from chuanliu.gateway.native.operations import OPERATIONS
from chuanliu.gateway.native.quote_rendering import render_quote
from chuanliu.gateway.native.routes import add_routes

__all__ = [
    "OPERATIONS",
    "Answer",
    "Call",
    "Idempotent",
    "Operation",
    "add_routes",
    "event_document",
    "native_event",
    "native_headers",
    "openapi_document",
    "render_quote",
    "subject_of",
]
