"""Stylesheet, scripts and icon: package data, read once, served under addresses that carry a hash of the content."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from typing import Final

import msgspec

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml; charset=utf-8",
}


class Asset(msgspec.Struct, frozen=True):
    """One static file. Its address changes with its content, so it may be cached for ever (`immutable`)."""

    address: str
    content_type: str
    body: bytes


def _read(name: str) -> Asset:
    body = (files("chuanliu.web") / "static" / name).read_bytes()
    stem, _, suffix = name.rpartition(".")
    return Asset(f"/assets/{stem}.{sha256(body).hexdigest()[:12]}.{suffix}", _TYPES[suffix], body)


_BY_NAME: Final = {
    name: _read(name) for name in ("chuanliu.css", "cashier.js", "start.js", "waiting.js", "icon.svg", "operations.js")
}

ASSETS: Final[dict[str, Asset]] = {asset.address: asset for asset in _BY_NAME.values()}
"""Address to asset, for the router."""


def asset_address(name: str) -> str:
    """The address of a file of `static/`. Raises `KeyError` for an unknown name."""
    return _BY_NAME[name].address
