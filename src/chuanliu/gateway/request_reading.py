"""Reading what a request brings, query and body, into the structs of its operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from chuanliu.errors import Invalid
from chuanliu.gateway.native.fields import read_query, unreadable
from chuanliu.serving import Request


def request_reader(
    query: type[msgspec.Struct] | None, body: type[msgspec.Struct] | None
) -> Callable[[Request], tuple[Any, Any]]:
    """What reads query and body; an operation that takes none of one must get none.

    The reader raises `Invalid`: unsupported_media_type, invalid_json, invalid_parameter naming the field.
    """
    decode = None if body is None else msgspec.json.Decoder(body).decode

    def read(request: Request) -> tuple[Any, Any]:
        asked = None
        if query is not None:
            asked = read_query(request.query_string, query)
        elif request.query_string:
            raise Invalid("invalid_parameter", "this operation takes no query parameters")
        if decode is None:
            if request.body:
                raise Invalid("invalid_parameter", "this operation takes no body")
            return asked, None
        if request.media_type != "application/json":
            raise Invalid("unsupported_media_type", "send application/json")
        try:
            return asked, decode(request.body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise unreadable(error) from None

    return read
