"""One operation of the admin API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from chuanliu.gateway.composition import Services

Handle = Callable[[Services, Any, Mapping[str, str]], Awaitable[Any]]


class RawBody(NamedTuple):
    """A body that its operation reads by itself: JSON or YAML."""

    media_type: str
    text: str


class Operation(NamedTuple):
    """`body` is the struct of the request, `RawBody`, or None where it has none; `handle` gets it with the path's
    parameters.
    """

    method: str
    path: str
    body: type[Any] | None
    handle: Handle
    status: int = 200
