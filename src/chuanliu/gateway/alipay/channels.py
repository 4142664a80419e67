"""Which ways to pay a request leaves open: its pay channels, its instalments, virtual goods. All become one wish."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import msgspec

from chuanliu.gateway.alipay import fields
from chuanliu.gateway.alipay.fields import FieldInvalid
from chuanliu.instalments import MEANS, Wish
from chuanliu.lenders import INSTALMENT_COUNTS

_Way = tuple[str, bool]
"""A means of payment, in full or (True) in instalments."""


def _both(*means: str) -> frozenset[_Way]:
    return frozenset((each, split) for each in means for split in (False, True))


_ALL: Final = _both(*MEANS)
_LINE: Final = _both("credit_line")
_CARD: Final = _both("credit_card")
_NOTHING_OF_OURS: Final[frozenset[_Way]] = frozenset()

CHANNELS: Final[dict[str, frozenset[_Way]]] = {
    "balance": _both("balance"),
    "pcredit": frozenset({("credit_line", False)}),
    "pcreditpayInstallment": frozenset({("credit_line", True)}),
    "creditCard": _CARD,
    "creditCardExpress": _CARD,
    "creditCardCartoon": _CARD,
    # All that is credit: whoever forbids it means a bank's credit pay as well.
    "credit_group": _LINE | _CARD | _both("bank_credit_pay"),
    "debitCardExpress": _both("debit_card"),
    "bankPay": _both("bank_credit_pay"),
    "moneyFund": _NOTHING_OF_OURS,
    "coupon": _NOTHING_OF_OURS,
    "mcard": _NOTHING_OF_OURS,
    "pcard": _NOTHING_OF_OURS,
    "promotion": _NOTHING_OF_OURS,
    "voucher": _NOTHING_OF_OURS,
    "point": _NOTHING_OF_OURS,
    "mdiscount": _NOTHING_OF_OURS,
    "honeyPay": _NOTHING_OF_OURS,
}
"""Every channel that the wire names, and what of ours it is."""

_INSTALMENT_CHANNELS: Final = {"alipayfq": "credit_line", "alipayfq_cc": "credit_card"}
_COUNTS: Final = tuple(str(count) for count in INSTALMENT_COUNTS)

Scalar = str | int | None


class ExtendParams(msgspec.Struct):
    """What of `extend_params` is about instalments. SDKs send numbers as texts; some merchants do not."""

    hb_fq_num: Scalar = None
    hb_fq_seller_percent: Scalar = None
    fq_channels: str | None = None
    fq_num: Scalar = None
    fq_seller_percent: Scalar = None


class _Instalments(NamedTuple):
    """Instalments that a request asks for; `field` is what asked."""

    number: int
    borne_by: Literal["buyer", "merchant"]
    means: tuple[str, ...]
    field: str


def read_wish(
    enable: str | None, disable: str | None, extend: ExtendParams | None, *, virtual: bool, store_id: str | None
) -> Wish:
    """The wish behind a request's fields. `virtual` goods are never sold on the platform's credit line.

    With instalments only what they name can pay. Raises `FieldInvalid`: an unknown channel, number or percentage, both
    lists at once, or instalments that the rest of the request forbids.
    """
    enabled = _channels(enable, "enable_pay_channels")
    disabled = _channels(disable, "disable_pay_channels")
    if enabled is not None and disabled is not None:
        raise FieldInvalid("disable_pay_channels", "不能与enable_pay_channels同时传入")
    asked = None if extend is None else _instalments(extend)
    ways = _ALL
    for field, rule, kept in (
        ("enable_pay_channels", "不包含{}所需的分期渠道", _ALL if enabled is None else enabled),
        ("disable_pay_channels", "包含{}所需的分期渠道", _ALL - (disabled or _NOTHING_OF_OURS)),
        ("goods_type", "为0（虚拟商品）时不支持{}", _ALL - _LINE if virtual else _ALL),
    ):
        ways &= kept
        if asked is not None and not any((each, True) in ways for each in asked.means):
            raise FieldInvalid(field, rule.format(asked.field))
    if asked is not None:
        means = tuple(each for each in asked.means if (each, True) in ways)
        return Wish(allowed=means, instalments=asked.number, borne_by=asked.borne_by, store_id=store_id)
    left = tuple(each for each in MEANS if (each, False) in ways or (each, True) in ways)
    missing = tuple(each for each in MEANS if each not in left)
    return Wish(
        # A list of nothing would allow everything.
        allowed=left if enabled is not None else (),
        forbidden=missing if enabled is None or not left else (),
        in_full_only=tuple(each for each in left if (each, True) not in ways),
        in_instalments_only=tuple(each for each in left if (each, False) not in ways),
        store_id=store_id,
    )


def _channels(value: str | None, field: str) -> frozenset[_Way] | None:
    names = fields.channels(value, field)
    if not names:
        return None
    for name in names:
        if name not in CHANNELS:
            raise FieldInvalid(field, f"含有不支持的渠道{name}")
    return frozenset[_Way]().union(*(CHANNELS[name] for name in names))


def _instalments(extend: ExtendParams) -> _Instalments | None:
    own = _pair(extend.hb_fq_num, extend.hb_fq_seller_percent, "hb_fq")
    channels = fields.channels(extend.fq_channels, "fq_channels")
    for name in channels:
        if name not in _INSTALMENT_CHANNELS:
            raise FieldInvalid("fq_channels", f"取值必须是{'、'.join(_INSTALMENT_CHANNELS)}")
    named = _pair(extend.fq_num, extend.fq_seller_percent, "fq")
    if named is None:
        if channels:
            raise FieldInvalid("fq_num", "传入fq_channels时不能为空")
    elif not channels:
        raise FieldInvalid("fq_channels", "传入fq_num时不能为空")
    elif own is not None and own != named:
        raise FieldInvalid("fq_num", "与hb_fq_num、hb_fq_seller_percent不一致")
    chosen = own or named
    if chosen is None:
        return None
    means = {_INSTALMENT_CHANNELS[name] for name in channels} | ({"credit_line"} if own is not None else set())
    field = "hb_fq_num" if own is not None else "fq_num"
    return _Instalments(*chosen, tuple(each for each in MEANS if each in means), field)


def _pair(number: Scalar, percent: Scalar, prefix: str) -> tuple[int, Literal["buyer", "merchant"]] | None:
    """A number of instalments and who bears their fee: the seller all of it or nothing."""
    count = fields.one_of(_text(number), f"{prefix}_num", _COUNTS)
    share = fields.one_of(_text(percent), f"{prefix}_seller_percent", ("0", "100"))
    if count is None:
        if share is not None:
            raise FieldInvalid(f"{prefix}_num", f"传入{prefix}_seller_percent时不能为空")
        return None
    return int(count), "merchant" if share == "100" else "buyer"


def _text(value: Scalar) -> str | None:
    return None if value is None else str(value)
