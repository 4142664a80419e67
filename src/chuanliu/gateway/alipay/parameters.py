"""Reading the parameters of a v2 request from query and body, byte for byte.

Clients split common and business parameters between the two in every possible way, so both are merged. Values stay
bytes until the charset is known, because the signature is over exactly these bytes.
"""

from __future__ import annotations

import re
from binascii import a2b_qp
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from chuanliu.gateway.alipay.answers import GatewayRefused

RawParameters = dict[bytes, bytes]

PARAMETERS_MAX: Final = 128
_NAME_BYTES_MAX: Final = 128
_PARTS_MAX: Final = PARAMETERS_MAX + 1
_BOUNDARY: Final = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,]{1,70}))', re.IGNORECASE)
_PART_NAME: Final = re.compile(rb'[;\s]name="([^"]*)"', re.IGNORECASE)
_PART_FILE: Final = re.compile(rb"[;\s]filename\*?=", re.IGNORECASE)


def parse_parameters(query: bytes, body: bytes = b"", content_type: str = "") -> RawParameters:
    """Merge query and body (urlencoded form or multipart) into raw parameters.

    File parts are left out, because they are not signed.
    Raises `GatewayRefused(isv.invalid-parameter)` for a repeated name, too many parameters, or a body that is no form.
    """
    pairs = list(_urlencoded(query)) if query else []
    if body:
        kind = content_type.partition(";")[0].strip().lower()
        if kind in ("", "application/x-www-form-urlencoded"):
            pairs += _urlencoded(body)
        elif kind == "multipart/form-data":
            pairs += _multipart(body, content_type)
        else:
            raise GatewayRefused("isv.invalid-parameter", "参数无效：请求体必须是表单")
    return _merged(pairs)


def parse_order_string(text: str) -> RawParameters:
    """The parameters of an app.pay order string, which is an urlencoded form. Raises as `parse_parameters` does."""
    return _merged(_urlencoded(text.encode()))


def _merged(pairs: Iterable[tuple[bytes, bytes]]) -> RawParameters:
    raw: RawParameters = {}
    for name, value in pairs:
        if name in raw:
            raise GatewayRefused("isv.invalid-parameter", f"参数无效：{_shown(name)} 重复")
        if len(name) > _NAME_BYTES_MAX or len(raw) == PARAMETERS_MAX:
            raise GatewayRefused("isv.invalid-parameter", "参数无效：参数过多或参数名过长")
        raw[name] = value
    return raw


def _urlencoded(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    if text.count(b"&") > PARAMETERS_MAX:
        raise GatewayRefused("isv.invalid-parameter", "参数无效：参数过多或参数名过长")
    for pair in text.split(b"&"):
        name, _, value = pair.partition(b"=")
        if pair:
            yield _plain(name), _plain(value)


def _plain(text: bytes) -> bytes:
    """Decode `+` and `%xx`; a `%` that begins no such escape stays."""
    if b"+" in text:
        text = text.replace(b"+", b" ")
    return _unescaped(text) if b"%" in text else text


def _unescaped(text: bytes) -> bytes:
    """`unquote_to_bytes`, several times as fast where every `%` begins an escape.

    Quoted-printable differs only in its mark (`=`), in line breaks, and in what it makes of broken escapes. Without
    the first two in the text, the length tells whether each escape became one byte.
    """
    if b"=" not in text and b"\n" not in text and b"\r" not in text:
        plain = a2b_qp(text.replace(b"%", b"="))
        if len(plain) == len(text) - 2 * text.count(b"%"):
            return plain
    return unquote_to_bytes(text)


def _multipart(body: bytes, content_type: str) -> Iterator[tuple[bytes, bytes]]:
    match = _BOUNDARY.search(content_type)
    if match is None or not content_type.isascii():
        raise GatewayRefused("isv.invalid-parameter", "参数无效：multipart 缺少 boundary")
    delimiter = b"\r\n--" + (match[1] or match[2]).encode()
    parts = (b"\r\n" + body).split(delimiter, _PARTS_MAX + 1)
    if len(parts) > _PARTS_MAX or len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise GatewayRefused("isv.invalid-parameter", "参数无效：multipart 不完整或参数过多")
    for part in parts[1:-1]:
        head, separator, value = part.partition(b"\r\n\r\n")
        disposition = next(
            (line for line in head.split(b"\r\n") if line.lower().startswith(b"content-disposition")), b""
        )
        name = _PART_NAME.search(disposition)
        if not separator or name is None:
            raise GatewayRefused("isv.invalid-parameter", "参数无效：multipart 格式错误")
        if _PART_FILE.search(disposition) is None:
            yield name[1], value


def _shown(name: bytes) -> str:
    return name[:64].decode("ascii", "replace")
