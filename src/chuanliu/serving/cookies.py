"""Cookies: reading the request's, writing the response's."""

from __future__ import annotations

from typing import Final, Literal

_NAME: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_VALUE: Final = frozenset(chr(c) for c in range(0x21, 0x7F)) - frozenset('",;\\')


def parse_cookies(header: str) -> dict[str, str]:
    """Names and values of a `cookie` header. Malformed parts are skipped; the first of a repeated name counts."""
    found: dict[str, str] = {}
    for part in header.split(";"):
        name, equals, value = part.strip().partition("=")
        if equals and name:
            found.setdefault(name, value.strip('"'))
    return found


def cookie_text(
    name: str,
    value: str,
    *,
    secure: bool,
    max_age_s: int | None = None,
    path: str = "/",
    http_only: bool = True,
    same_site: Literal["lax", "strict", "none"] = "lax",
) -> str:
    """The value of a `set-cookie` header. `secure` is whether the request came over https; `max_age_s` 0 deletes.

    Raises `ValueError` for octets that RFC 6265 does not allow, so that a value never smuggles in an attribute.
    """
    if not name or not _NAME.issuperset(name) or not _VALUE.issuperset(value) or not _VALUE.issuperset(path):
        raise ValueError("not a cookie name, value or path")
    parts = [f"{name}={value}", f"path={path}", f"samesite={same_site}"]
    if max_age_s is not None:
        parts.append(f"max-age={max_age_s}")
    if http_only:
        parts.append("httponly")
    if secure:
        parts.append("secure")
    return "; ".join(parts)
