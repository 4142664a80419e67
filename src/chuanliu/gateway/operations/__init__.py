"""The operations screen."""

from chuanliu.gateway.operations.operations_routes import LIVE_PATH, PATH, add_routes

__all__ = ["LIVE_PATH", "PATH", "add_routes"]
