"""Form and query fields in the charsets of the Alipay wire."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

from chuanliu.errors import Invalid

FIELDS_MAX: Final = 1000

# GB 18030 contains GBK and GB 2312: one codec reads all three.
_CODECS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb18030": "gb18030",
    "iso-8859-1": "latin-1",
    "us-ascii": "ascii",
}


def codec_of(charset: str) -> str:
    """The Python codec of a charset name, in any case. Raises `Invalid(invalid_parameter)` for an unknown one."""
    codec = _CODECS.get(charset.lower())
    if codec is None:
        raise Invalid("invalid_parameter", "the charset is not supported", field="charset")
    return codec


def parse_form(raw: bytes, charset: str = "utf-8") -> list[tuple[str, str]]:
    """Name and value pairs in order, each decoded once, blank values kept.

    Octets that were sent unescaped are taken as they are. Raises `Invalid(invalid_parameter)` for what the charset
    cannot read and for more than `FIELDS_MAX` fields.
    """
    codec = codec_of(charset)
    if raw.count(b"&") >= FIELDS_MAX:
        raise Invalid("invalid_parameter", f"more than {FIELDS_MAX} fields")
    pairs = []
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((_decode(name, codec), _decode(value, codec)))
    return pairs


def _decode(raw: bytes, codec: str) -> str:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        raise Invalid("invalid_parameter", "a field cannot be read in the request's charset") from None


def unique(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The pairs as a dict. Raises `Invalid(invalid_parameter)` for a repeated name, of which readers differ."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise Invalid("invalid_parameter", "a field occurs more than once", field=name[:64])
            seen.add(name)
    return fields
