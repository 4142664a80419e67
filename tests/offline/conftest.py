"""A market on a database of the module's own."""

from trade.conftest import market

__all__ = ["market"]
