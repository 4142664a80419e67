"""The least of HTTP/1.1 that a keep-alive client needs: requests as templates, responses framed by content-length."""

from __future__ import annotations

from collections.abc import Sequence

INCOMPLETE = -1


class UnframedResponse(ValueError):
    """The response has a head but no content-length, so its end cannot be told."""


def response_length(data: bytes) -> int:
    """Bytes of the first response in `data`, head and body; `INCOMPLETE` while more must be read.

    Raises `UnframedResponse` for a body that is not framed by content-length.
    """
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        return INCOMPLETE
    at = data.find(b"\r\ncontent-length: ", 0, head_end)
    if at < 0:
        at = data[:head_end].lower().find(b"\r\ncontent-length: ")
        if at < 0:
            raise UnframedResponse(data[:head_end].decode("latin-1"))
    length_end = data.find(b"\r\n", at + 18)
    length = head_end + 4 + int(data[at + 18 : length_end])
    return length if len(data) >= length else INCOMPLETE


def status_of(response: bytes) -> str:
    """The three digits of the status line."""
    return response[9:12].decode("latin-1")


def request_template(method: str, target: str, host: str, headers: Sequence[tuple[str, str]], body: str) -> bytes:
    """A whole request as a `%b` template.

    Header values and the body may hold `%b` placeholders. A literal per cent sign must be doubled. The caller's
    headers include content-length, because only the caller knows how long the filled body is.
    """
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
