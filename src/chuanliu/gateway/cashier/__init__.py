"""The cashier: a payer's browser signs in, sees one order, chooses how to pay, pays, and goes back to the merchant.

Her bills are behind the same session.
"""

from chuanliu.gateway.cashier.cashier_routes import add_routes
from chuanliu.gateway.cashier.own_pages_routes import OwnPages, page_language

__all__ = ["OwnPages", "add_routes", "page_language"]
