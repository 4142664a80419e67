"""One operation of the admin API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from chuanliu.gateway.bodies import RawBody
from chuanliu.gateway.composition import Services

Handle = Callable[[Services, Any, Mapping[str, str]], Awaitable[Any]]


class Operation(NamedTuple):
    """`body` is the struct of the request, `RawBody`, or None where it has none; `handle` gets it with the path's
    parameters.
    """

    method: str
    path: str
    body: type[Any] | None
    handle: Handle
    status: int = 200


__all__ = ["Handle", "Operation", "RawBody"]
