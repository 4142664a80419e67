"""Wire dialects: bytes in, commands and signed bytes out. No business rule lives here."""

from chuanliu.gateway.composition import Services

__all__ = ["Services"]
