"""A request as the handlers see it: values only, already read from the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol

from chuanliu.serving.cookies import parse_cookies
from chuanliu.serving.form import parse_form, unique

NO_PARAMS: Final[Mapping[str, str]] = MappingProxyType({})


class Headers(Protocol):
    """Looked up by lower-case name. A plain `dict` will do, and so does what the server hands over."""

    def get(self, key: str, default: Any = None) -> Any:
        """The first value under a lower-case name, or `default`."""
        ...

    def items(self) -> Iterable[tuple[str, str]]:
        """All names and values, a repeated name once for each value."""
        ...


class Peer(Protocol):
    """Where a request came from."""

    @property
    def client(self) -> str:
        """`address:port`, IPv6 addresses in brackets."""
        ...

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        ...

    @property
    def authority(self) -> str | None:
        """Of an absolute-form target; None otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class KnownPeer:
    """A peer by value."""

    client: str = ""
    scheme: str = "http"
    authority: str | None = None


_NOBODY: Final = KnownPeer()


@dataclass(slots=True, eq=False)
class Request:
    """One HTTP request.

    `path` begins with `/`, has neither scheme nor authority (absolute-form targets are reduced to it), and is
    percent-decoded once; an escaped slash is therefore a slash, and octets that are not UTF-8 are U+FFFD.
    `query_string` is raw. `path_params` are filled by the router.
    """

    method: str
    path: str
    query_string: str = ""
    headers: Headers = field(default_factory=dict[str, str])
    body: bytes = b""
    peer: Peer = _NOBODY
    path_params: Mapping[str, str] = field(default_factory=dict)

    @property
    def client(self) -> str:
        """The client's address without its port."""
        return self.peer.client.rpartition(":")[0].strip("[]")

    @property
    def scheme(self) -> str:
        """`http` or `https`, as the client used it."""
        return self.peer.scheme

    @property
    def host(self) -> str:
        """Host and port that the client asked for; an absolute-form target overrides the header (RFC 9112, 3.2.2)."""
        return self.peer.authority or str(self.headers.get("host", ""))

    @property
    def media_type(self) -> str:
        """The content type in lower case without its parameters; empty where there is none."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        """The content type's `charset` parameter in lower case; empty where there is none."""
        for parameter in str(self.headers.get("content-type", "")).split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip('"').lower()
        return ""

    def query(self, charset: str = "utf-8") -> dict[str, str]:
        """The query's fields, blank ones included. Raises `Invalid` for bad escapes or a name that occurs twice."""
        return unique(parse_form(self.query_string.encode("utf-8", "surrogateescape"), charset))

    def form(self, charset: str = "utf-8") -> dict[str, str]:
        """The body as `application/x-www-form-urlencoded`. Raises `Invalid` as `query` does."""
        return unique(parse_form(self.body, charset))

    def cookies(self) -> dict[str, str]:
        """Cookies by name; of a repeated name the first, which browsers send for the most specific path."""
        return parse_cookies(str(self.headers.get("cookie", "")))
