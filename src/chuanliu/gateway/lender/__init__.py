"""What a lender may ask under /lender/v1 with its own key: its campaigns, and what they brought."""

from chuanliu.gateway.lender.lender_routes import OPERATIONS, add_routes, openapi_document

__all__ = ["OPERATIONS", "add_routes", "openapi_document"]
