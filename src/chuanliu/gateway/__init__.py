"""Wire dialects: bytes in, commands and signed bytes out. No business rule lives here."""

from chuanliu.gateway.services import Services

__all__ = ["Services"]
