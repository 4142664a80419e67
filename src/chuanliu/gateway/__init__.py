"""Wire dialects: bytes in, commands and signed bytes out. No business rule lives here."""
