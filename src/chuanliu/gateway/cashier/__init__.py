"""The cashier: a payer's browser signs in, sees one order, chooses how to pay, pays, and goes back to the merchant.

Her bills are behind the same session.
"""

from chuanliu.gateway.cashier.cashier_routes import add_routes

__all__ = ["add_routes"]
