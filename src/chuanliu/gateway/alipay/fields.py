"""Checks of single business fields: lengths, patterns, ranges. Each refusal names the field and the rule.

Lengths count characters. A field that is null or empty counts as absent, as SDKs send both.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from chuanliu.clock import DAY, HOUR, MINUTE, Micros, parse_wall
from chuanliu.errors import Invalid, Refused

AMOUNT_MINOR_MAX: Final = 100_000_000_00
ABSENT: Final = msgspec.Raw(b"")
QUERY_OPTIONS_MAX: Final = 32
GOODS_BYTES_MAX: Final = 4096
"""Of an order's `goods_detail`, as it was sent. A longer one is not kept: it is only given back."""

_GOODS_MEMBERS: Final = {
    "alipay_goods_id", "body", "categories_tree", "goods_category", "goods_ean_id", "goods_id", "goods_name",
    "out_item_id", "out_sku_id", "price", "quantity", "show_url",
}  # fmt: skip

# The literal text of a JSON string or number: no sign, exponent, or more than two places ever reaches an integer.
_AMOUNT: Final = re.compile(rb"(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,2}))?\Z")
_MERCHANT_NUMBER: Final = re.compile(r"[A-Za-z0-9_]{1,64}\Z")
_PARTY_NUMBER: Final = re.compile(r"2088[0-9]{12}\Z")
_AUTH_CODE: Final = re.compile(r"(?:2[5-9]|30)[0-9]{14,22}\Z|fp[0-9A-Za-z]{33}\Z")
_TIMEOUT: Final = re.compile(r"([1-9][0-9]{0,4})([mhd])\Z")
_UNITS: Final = {"m": MINUTE, "h": HOUR, "d": DAY}
_TIMEOUT_MAX: Final = 15 * DAY


class FieldInvalid(Invalid):
    """A business field breaks its rule. `message` is the wire's sub_msg, in Chinese, and names the field."""

    def __init__(self, field: str, rule: str, code: str = "invalid_parameter") -> None:
        super().__init__(code, f"{field} {rule}", field=field)


def required_text(value: str | None, field: str, length_max: int) -> str:
    """A text that must be there. Raises `FieldInvalid`."""
    if not value:
        raise FieldInvalid(field, "不能为空")
    if len(value) > length_max:
        raise FieldInvalid(field, f"长度不能超过{length_max}")
    if "\0" in value:
        raise FieldInvalid(field, "含有非法字符")
    return value


def optional_text(value: str | None, field: str, length_max: int) -> str | None:
    """A text or None. Raises `FieldInvalid`."""
    return required_text(value, field, length_max) if value else None


def merchant_number(value: str | None, field: str) -> str:
    """A merchant's own number: 1 to 64 of letters, digits and underscore. Raises `FieldInvalid`."""
    if not value:
        raise FieldInvalid(field, "不能为空")
    if _MERCHANT_NUMBER.match(value) is None:
        raise FieldInvalid(field, "只能由1到64位字母、数字、下划线组成")
    return value


def optional_merchant_number(value: str | None, field: str) -> str | None:
    """A merchant's own number or None. Raises `FieldInvalid`."""
    return merchant_number(value, field) if value else None


def party(value: str | None, field: str) -> str | None:
    """A 16-digit number beginning 2088, or None. Raises `FieldInvalid`."""
    if not value:
        return None
    if _PARTY_NUMBER.match(value) is None:
        raise FieldInvalid(field, "必须是以2088开头的16位数字")
    return value


def required_amount(raw: msgspec.Raw, field: str) -> int:
    """Minor units of CNY in [0.01, 100000000.00] from a JSON string or number, read digit by digit.

    Raises `FieldInvalid` with the code `invalid_amount`.
    """
    minor = optional_amount(raw, field)
    if minor is None:
        raise FieldInvalid(field, "不能为空", "invalid_amount")
    if minor == 0:
        raise FieldInvalid(field, "必须在0.01到100000000.00之间", "invalid_amount")
    return minor


def optional_amount(raw: msgspec.Raw, field: str) -> int | None:
    """Minor units in [0, 100000000.00], or None where the field is absent, null or empty. Raises `FieldInvalid`."""
    text = _literal(bytes(raw))
    if not text:
        return None
    match = _AMOUNT.match(text)
    if match is None:
        raise FieldInvalid(field, "必须是最多两位小数的金额", "invalid_amount")
    whole, places = match.groups(b"")
    minor = int(whole) * 100 + int(places.ljust(2, b"0"))
    if minor > AMOUNT_MINOR_MAX:
        raise FieldInvalid(field, "必须在0.01到100000000.00之间", "invalid_amount")
    return minor


def auth_code(value: str | None) -> str:
    """A payer's code: 16 to 24 digits beginning 25 to 30, or the 35 characters of a face code.

    A code of another shape is an invalid code, not an invalid parameter: raises `Refused(payment_code_invalid)`.
    """
    code = required_text(value, "auth_code", 64)
    if _AUTH_CODE.match(code) is None:
        raise Refused("payment_code_invalid", field="auth_code")
    return code


def timeout(value: str | None, field: str) -> Micros | None:
    """`timeout_express` (1m to 15d) as a duration; 0 stands for `1c`, the end of the day. Raises `FieldInvalid`."""
    if not value:
        return None
    if value == "1c":
        return 0
    match = _TIMEOUT.match(value)
    duration = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < duration <= _TIMEOUT_MAX:
        raise FieldInvalid(field, "取值范围为1m～15d，或1c")
    return duration


def wall_time(value: str | None, field: str) -> Micros | None:
    """`yyyy-MM-dd HH:mm:ss` (or without seconds) in Asia/Shanghai, or None. Raises `FieldInvalid`."""
    if not value:
        return None
    try:
        return parse_wall(value, field=field)
    except (Invalid, OverflowError):
        raise FieldInvalid(field, "格式为yyyy-MM-dd HH:mm:ss") from None


def one_of(value: str | None, field: str, allowed: tuple[str, ...]) -> str | None:
    """One of the allowed words, or None. Raises `FieldInvalid`."""
    if not value:
        return None
    if value not in allowed:
        raise FieldInvalid(field, f"取值必须是{'、'.join(allowed)}之一")
    return value


def yuan(value: str | None, field: str) -> None:
    """Accept CNY or nothing. Raises `Invalid(currency_not_supported)`."""
    if value and value != "CNY":
        raise Invalid("currency_not_supported", field=field)


def channels(value: str | None, field: str) -> tuple[str, ...]:
    """A comma list of payment channels, at most 128 characters. Raises `FieldInvalid`."""
    text = optional_text(value, field, 128)
    return tuple(word for word in text.split(",") if word) if text else ()


def query_options(value: list[str] | None) -> frozenset[str]:
    """The optional parts of a response that the client asks for; words that we do not know are ignored."""
    if not value:
        return frozenset()
    if len(value) > QUERY_OPTIONS_MAX:
        raise FieldInvalid("query_options", f"最多{QUERY_OPTIONS_MAX}项")
    return frozenset(value)


def goods(lines: list[dict[str, msgspec.Raw]] | None, field: str) -> tuple[dict[str, str], ...]:
    """The goods of an order with the members that the wire defines, numbers as they were written.

    Empty beyond `GOODS_BYTES_MAX`. Raises `FieldInvalid` for a member that is neither text nor number.
    """
    sent = [{name: bytes(raw) for name, raw in line.items() if name in _GOODS_MEMBERS} for line in lines or ()]
    if sum(len(name) + len(raw) for line in sent for name, raw in line.items()) > GOODS_BYTES_MAX:
        return ()
    read = ({name: _scalar(raw, field) for name, raw in line.items() if raw not in (b"null", b'""')} for line in sent)
    return tuple(line for line in read if line)


def _scalar(raw: bytes, field: str) -> str:
    try:
        if raw[:1] in b'"-0123456789':
            return _literal(raw).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    raise FieldInvalid(field, "类型错误")


def _literal(raw: bytes) -> bytes:
    """The text of a JSON string or number; what is neither stays as it is and matches no pattern."""
    if raw == b"null":
        return b""
    if raw[:1] != b'"':
        return raw
    return msgspec.json.decode(raw, type=str).encode() if b"\\" in raw else raw[1:-1]
