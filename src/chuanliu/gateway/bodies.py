"""Bodies of requests to the APIs of administrators and lenders, read into what an operation says that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from chuanliu.errors import Invalid
from chuanliu.gateway.native.fields import unreadable
from chuanliu.serving import Request

RAW_MEDIA_TYPES: Final = ("application/json", "application/yaml")


class RawBody(NamedTuple):
    """A body that its operation reads by itself: JSON or YAML."""

    media_type: str
    text: str

    @property
    def is_json(self) -> bool:
        """Whether it is JSON, not YAML."""
        return self.media_type == "application/json"


class NothingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operation without fields."""


def body_reader(body: type[Any] | None) -> Callable[[Request], Any]:
    """What reads a request's body: into a struct, as it is (`RawBody`), or sees to it that there is none."""
    if body is None:
        return _read_nothing
    if body is RawBody:
        return _read_raw
    decode = msgspec.json.Decoder(body).decode

    def read(request: Request) -> Any:
        if request.body and request.media_type != "application/json":
            raise Invalid("unsupported_media_type", "send application/json")
        try:
            return decode(request.body or b"{}")
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise unreadable(error) from None

    return read


def _read_nothing(request: Request) -> None:
    if request.body:
        raise Invalid("invalid_parameter", "this operation takes no body")


def _read_raw(request: Request) -> RawBody:
    if request.media_type not in RAW_MEDIA_TYPES:
        raise Invalid("unsupported_media_type", f"send {' or '.join(RAW_MEDIA_TYPES)}")
    try:
        return RawBody(request.media_type, request.body.decode())
    except UnicodeDecodeError:
        raise Invalid("invalid_parameter", "the body is not UTF-8") from None
