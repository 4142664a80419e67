"""Emitting v2 responses in the one shape that every SDK verifies.

`{"<method>_response":<node>[,"alipay_cert_sn":"…"],"sign":"…"}`: compact, `sign` last, the signature over exactly the
bytes of the node. Braces inside string values are written as `\\u007b` and `\\u007d`, because one SDK counts braces
to find the node's end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from chuanliu.crypto import SignType, encrypt_content, sign
from chuanliu.gateway.alipay.parameters import RawParameters

Json = str | bool | int | list["Json"] | Mapping[str, "Json"]

WRITING_CODECS: Final[dict[str, str]] = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "gbk": "gbk",
    "gb2312": "gb2312",
    "gb18030": "gb18030",
}
"""Charset names of the wire, in lower case, with the codec in which the client reads our answer."""

_METHOD: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*\Z")
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')
_ENCODE: Final = msgspec.json.Encoder().encode


class ResponseFrame(msgspec.Struct, frozen=True):
    """How to answer a request: name of the root member, codec, and the signature algorithm that the client used."""

    root: str = "error_response"
    codec: str = "utf-8"
    sign_type: SignType = "RSA2"

    @property
    def content_type(self) -> str:
        """Value of the `content-type` header."""
        return f"text/html;charset={self.codec}"


def response_frame(raw: RawParameters) -> ResponseFrame:
    """The frame of any request, however wrong: what cannot be read falls back to its default."""
    method = raw.get(b"method", b"").decode("ascii", "replace")
    well_formed = len(method) <= 128 and _METHOD.match(method) is not None
    charset = raw.get(b"charset", b"").decode("ascii", "replace").lower()
    return ResponseFrame(
        root=method.replace(".", "_") + "_response" if well_formed else "error_response",
        codec=WRITING_CODECS.get(charset, "utf-8"),
        sign_type="RSA" if raw.get(b"sign_type") == b"RSA" else "RSA2",
    )


def response_node(members: Mapping[str, Json], codec: str = "utf-8", encrypt_key: str | None = None) -> bytes:
    """The bytes to sign: the response object, or with an AES key the quoted cipher text including its quotes."""
    node = _ENCODE(members)
    if _has_brace(members):
        node = _STRING.sub(_escape_braces, node)
    if codec != "utf-8":
        node = _transcoded(node.decode(), codec)
    return node if encrypt_key is None else b'"%b"' % encrypt_content(node, encrypt_key).encode()


def response_body(frame: ResponseFrame, node: bytes, signature: str, cert_sn: str | None = None) -> bytes:
    """The whole response around a signed node. `cert_sn` names the platform certificate in certificate mode."""
    certificate = b"" if cert_sn is None else b',"alipay_cert_sn":"%b"' % cert_sn.encode()
    return b'{"%b":%b%b,"sign":"%b"}' % (frame.root.encode(), node, certificate, signature.encode())


def signed_response(
    frame: ResponseFrame,
    members: Mapping[str, Json],
    key: str,
    *,
    cert_sn: str | None = None,
    encrypt_key: str | None = None,
) -> bytes:
    """Node, signature and body in one call, for where the half millisecond of signing is not worth a thread."""
    node = response_node(members, frame.codec, encrypt_key)
    return response_body(frame, node, sign(node, key, frame.sign_type), cert_sn)


def _has_brace(value: Json) -> bool:
    """Whether a string value holds a brace; the names of members are ours and have none."""
    if isinstance(value, str):
        return "{" in value or "}" in value
    if isinstance(value, Mapping):
        return any(map(_has_brace, value.values()))
    return isinstance(value, list) and any(map(_has_brace, value))


def _escape_braces(match: re.Match[bytes]) -> bytes:
    return match[0].replace(b"{", b"\\u007b").replace(b"}", b"\\u007d")


def _transcoded(text: str, codec: str) -> bytes:
    """JSON text in another charset; characters that it lacks are written as JSON escapes."""
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return b"".join(_character(character, codec) for character in text)


def _character(character: str, codec: str) -> bytes:
    try:
        return character.encode(codec)
    except UnicodeEncodeError:
        units = character.encode("utf-16-be")
        return b"".join(b"\\u%b" % units[i : i + 2].hex().encode() for i in range(0, len(units), 2))
