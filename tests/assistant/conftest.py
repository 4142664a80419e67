"""A shop on a database of the module's own."""

from instalments.conftest import shop

__all__ = ["shop"]
