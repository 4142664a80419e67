"""The error classes. The message is the catalogue's sentence unless the raiser has a more precise one."""

from __future__ import annotations

from chuanliu.errors.catalogue import CODES


class ChuanliuError(Exception):
    """Base of everything that the platform answers with.

    `code` is one of `CODES`; `field` names the offending input where there is one; `details` holds only values that
    the caller may see.
    """

    def __init__(
        self, code: str, message: str | None = None, *, field: str | None = None, **details: str | int
    ) -> None:
        self.code = code
        self.message = message if message is not None else CODES[code]
        self.field = field
        self.details = details
        super().__init__(code, self.message)

    def __str__(self) -> str:
        where = f" ({self.field})" if self.field else ""
        return f"{self.code}{where}: {self.message}"


class Refused(ChuanliuError):
    """The request is understood and the answer is no."""


class Invalid(ChuanliuError):
    """The request itself is wrong."""


class Unauthenticated(ChuanliuError):
    """Who asks is not known, or has not proven it."""


class Forbidden(ChuanliuError):
    """Who asks is known and may not."""


class NotFound(ChuanliuError):
    """What is asked for does not exist for this caller."""


class Conflict(ChuanliuError):
    """The same key came with other content."""


class Busy(ChuanliuError):
    """A bounded queue is full, a row stayed locked too long, or the caller's share is used up. Nothing was done: try
    again.
    """

    def __init__(self, message: str | None = None, *, code: str = "busy") -> None:
        super().__init__(code, message)


class Unavailable(ChuanliuError):
    """The database cannot be reached. Ask for the outcome before trying again."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__("unavailable", message)
