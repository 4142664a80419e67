"""The admin API under /admin/v1, and what it shares with the command line."""

from chuanliu.gateway.admin.certifying_routes import certify, set_encrypt_key

__all__ = ["certify", "set_encrypt_key"]
