"""What a lender may ask under /lender/v1 with its own key: its campaigns, what they brought, and its feed of bills."""

from chuanliu.gateway.lender.feed_routes import LINES_MAX, read_lines, take_feed
from chuanliu.gateway.lender.lender_routes import OPERATIONS, add_routes, openapi_document

__all__ = ["LINES_MAX", "OPERATIONS", "add_routes", "openapi_document", "read_lines", "take_feed"]
