"""A response as handlers make it, and the usual kinds of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import quote

import msgspec

from chuanliu.errors import CODES, HTTP_STATUS, ChuanliuError

_encode_json: Final = msgspec.json.Encoder().encode

# Codes for which HTTP has a status of its own, whatever the class of the error.
STATUS_OF_CODE: Final[dict[str, int]] = {
    "body_too_large": 413,
    "method_not_allowed": 405,
    "unsupported_media_type": 415,
}

NO_ANSWER: Final = 0
"""Not a status: the connection is closed without one."""


def content_security_policy(*, form_action: Iterable[str] = (), script_nonce: str | None = None) -> str:
    """A policy for pages that load from their own origin only and may not be framed.

    `form_action` lists origins besides our own that a form may end at: browsers hold redirects after a form to it
    too, so a cashier that sends its payer back to a merchant must name the merchant's origin.
    """
    actions = " ".join(("'self'", *form_action))
    nonce = f" 'nonce-{script_nonce}'" if script_nonce else ""
    return (
        f"default-src 'self'; script-src 'self'{nonce}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        f"object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action {actions}"
    )


_DEFAULT_POLICY: Final = content_security_policy()


@dataclass(slots=True, eq=False)
class Response:
    """Status, headers (lower-case names) and body. The server adds content-length, date and server."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Self:
        """Anything that msgspec can encode; `bytes` are taken for JSON already encoded."""
        body = value if isinstance(value, bytes) else _encode_json(value)
        return cls(status, [("content-type", "application/json"), ("cache-control", "no-store")], body)

    @classmethod
    def text(cls, text: str, status: int = 200) -> Self:
        """Plain text in UTF-8."""
        headers = [("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")]
        return cls(status, headers, text.encode())

    @classmethod
    def html(cls, page: str, status: int = 200, *, policy: str = _DEFAULT_POLICY) -> Self:
        """A page in UTF-8 with the headers that keep it from being framed, sniffed, cached or scripted from outside."""
        return cls(
            status,
            [
                ("content-type", "text/html; charset=utf-8"),
                ("content-security-policy", policy),
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "no-store"),
            ],
            page.encode(),
        )

    @classmethod
    def redirect(cls, location: str, status: int = 303) -> Self:
        """To a path or an absolute URL; what may not stand in a header is percent-encoded."""
        return cls(status, [("location", quote(location, safe="!#$%&'()*+,/:;=?@[]~")), ("cache-control", "no-store")])

    @classmethod
    def none(cls) -> Self:
        """No answer at all: the server closes the connection. For simulators, whose clients must bear it."""
        return cls(NO_ANSWER)

    @classmethod
    def problem(cls, error: ChuanliuError, status: int | None = None) -> Self:
        """RFC 9457 problem details. The status is the code's, else that of the error's class, else 500."""
        document = problem_document(error, status or status_of(error))
        headers = [("content-type", "application/problem+json"), ("cache-control", "no-store")]
        return cls(document["status"], headers, _encode_json(document))

    def header(self, name: str) -> str | None:
        """The first value under a lower-case name."""
        return next((value for key, value in self.headers if key == name), None)

    def with_header(self, name: str, value: str) -> Self:
        """Append a header (lower-case name) and return the response itself."""
        self.headers.append((name, value))
        return self


def problem_document(error: ChuanliuError, status: int, field: str | None = None) -> dict[str, Any]:
    """Problem details (RFC 9457). `field` is what the dialect calls the error's field."""
    document: dict[str, Any] = {
        "type": f"urn:chuanliu:error:{error.code}",
        "title": CODES[error.code],
        "status": status,
        # What was given may be quoted in it, and need not be text.
        "detail": error.message.encode("utf-8", "replace").decode(),
        "code": error.code,
    }
    if error.field is not None:
        document["field"] = field or error.field
    if error.details:
        document["details"] = error.details
    return document


def status_of(error: ChuanliuError) -> int:
    """The HTTP status of an error."""
    if error.code in STATUS_OF_CODE:
        return STATUS_OF_CODE[error.code]
    for ancestor in type(error).__mro__:
        if ancestor.__name__ in HTTP_STATUS:
            return HTTP_STATUS[ancestor.__name__]
    return 500
