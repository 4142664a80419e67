"""The native dialect: a JSON API for the whole life of a payment, and its OpenAPI document."""

from chuanliu.gateway.native.openapi import openapi_document
from chuanliu.gateway.native.operation import Answer, Call, Operation
from chuanliu.gateway.native.operations import OPERATIONS
from chuanliu.gateway.native.routes import add_routes

__all__ = ["OPERATIONS", "Answer", "Call", "Operation", "add_routes", "openapi_document"]
