"""What an operation of the API is: a row of the table that both the routes and the OpenAPI document are made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from chuanliu.gateway.composition import Services


class Answer(NamedTuple):
    """Status and JSON body. From 400 on the body is problem details."""

    status: int
    body: bytes


class Call(NamedTuple):
    """A request whose caller is known and whose body and query have been read into the operation's structs.

    `key` is the value of the `Idempotency-Key` header, well-formed, or None.
    """

    merchant_id: int
    key: str | None
    body: Any
    query: Any
    params: Mapping[str, str]


Handle = Callable[[Services, Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`errors` are the codes that this operation may give besides those that every one may.

    A `keyed` operation takes an `Idempotency-Key`.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    description: str = ""
    request: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None
    response: type[msgspec.Struct] | None
    status: int = 200
    errors: tuple[str, ...] = ()
    keyed: bool = False
    handle: Handle
