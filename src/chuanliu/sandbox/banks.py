"""The sandbox's lenders: 37 banks that do not exist, each with terms of its own, and the platform's credit line.

One row a bank. Card numbers begin with 9 and the bank's number, a range that no network has assigned.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, NamedTuple

from chuanliu.lenders import (
    INSTALMENT_COUNTS,
    BinRange,
    InstalmentTerms,
    LenderSpec,
    ProductSpec,
    ProductTerms,
    luhn_digit,
)

PLATFORM_LENDER: Final = "chuanliu"
PLATFORM_LINE: Final = "chuanliu-line"

_PAY_DISCOUNT: Final = Decimal("0.2")
_PAY_COUNTS: Final = (3, 6, 9, 12)
_HOST: Final = "127.0.0.1"

# code|name|name_zh|method|buyer_pct for 3 6 9 12 18 24|sponsored_pct for the same
#     |statement day|due day, or days after it|holidays|partial refunds|rounding|remainder
#     |e: early repayment gives fee back, f: refunds do|least-largest order|d: debit card, o: we keep its credit pay
_TABLE: Final = """
yunhe|Yunhe|云禾|flat|2 3.7 - 6.4 9.6 12.6|1.2 2.9 - 5.6 8.8 11.8
    |22|15|next|evenly|down|first|ef|300-100000|-
xingyu|Xingyu|星屿|flat|2.5 4.8 - 8.2 - 16.2|2.3 4.6 - 8 - 16
    |3|14|none|last|half-even|last|ef|600-20000|-
qinglan|Qinglan|青岚|flat|2.3 4.3 6.1 7.4 11.1 -|1.5 3.5 5.3 6.6 10.3 -
    |2|+21|next|last|half-up|first|-f|500-100000|d
songyue|Songyue|松月|flat|1.98 3.77 5.3 6.47 9.7 12.76|1.68 3.47 5 6.17 - 12.46
    |6|27|none|evenly|half-even|first|ef|100-20000|o
bailu|Bailu|白鹭|annuity|16.32 15.32 - 15.82 15.82 -|15.92 14.92 - 15.42 15.42 -
    |16|5|next|last|down|first|ef|300-30000|-
lanting|Lanting|兰汀|flat|2.3 4.4 6.2 7.6 11.4 15|1.5 3.6 5.4 6.8 - 14.2
    |5|+23|none|last|half-even|last|-f|100-50000|d
taoxi|Taoxi|桃汐|flat|2.3 4.4 6.2 7.6 11.4 15|1.5 3.6 5.4 6.8 - -
    |6|18|next|evenly|half-up|first|e-|200-50000|-
zhuying|Zhuying|竹影|flat|2.26 4.31 6.05 7.39 - 14.57|1.46 3.51 5.25 6.59 - 13.77
    |3|19|none|last|half-even|first|ef|200-20000|-
meixue|Meixue|梅雪|flat|2 3.8 - 6.5 9.8 -|1.8 3.6 - 6.3 - 14.2
    |15|+25|next|last|down|first|-f|600-50000|d
hefeng|Hefeng|荷风|annuity|10.86 11.36 10.36 10.86 11.36 -|9.26 9.76 8.76 9.26 9.76 -
    |1|9|none|evenly|half-even|last|ef|500-100000|-
guiyu|Guiyu|桂雨|flat|2.5 4.8 6.7 8.2 - -|2.2 4.5 6.4 7.9 - -
    |28|12|next|last|half-up|first|ef|300-20000|-
wusheng|Wusheng|梧声|flat|2.27 4.33 6.09 7.43 11.14 14.65|1.47 3.53 5.29 6.63 10.34 13.85
    |10|+23|none|last|half-even|first|-f|500-20000|d
fengwan|Fengwan|枫晚|flat|2.3 4.4 6.1 7.5 11.2 -|1.8 3.9 5.6 7 10.7 -
    |6|5|next|evenly|down|first|ef|200-50000|-
luming|Luming|鹿鸣|flat|2 3.9 5.5 6.7 10 13.1|2 3.9 5.5 6.7 10 -
    |8|4|none|last|half-even|last|e-|100-20000|o
yanhui|Yanhui|雁回|annuity|13.3 12.3 13.3 13.3 12.3 -|12.7 11.7 12.7 12.7 11.7 -
    |8|+24|next|last|half-up|first|-f|600-30000|d
yinghuo|Yinghuo|萤火|flat|2.5 4.77 - 8.18 12.26 -|2.2 4.47 - 7.88 11.96 -
    |15|27|none|evenly|half-even|first|ef|200-100000|-
chenxi|Chenxi|晨汐|flat|2.2 4.1 - 7.1 10.6 13.9|1.7 3.6 - 6.6 - -
    |27|23|next|last|down|first|ef|300-20000|-
muyun|Muyun|暮云|flat|2.5 4.7 - 8.1 12.1 -|2.3 4.5 - 7.9 11.9 14.2
    |16|+18|none|last|half-even|last|-f|100-20000|d
xinglan|Xinglan|星澜|flat|2.3 4.4 6.1 7.5 11.2 14.8|2.1 4.2 5.9 7.3 - 14.6
    |8|16|next|evenly|half-up|first|ef|300-50000|-
cangyan|Cangyan|沧砚|annuity|12.75 12.75 - 12.75 11.75 -|11.15 11.15 - 11.15 10.15 -
    |23|20|none|last|half-even|first|ef|200-100000|-
bixiao|Bixiao|碧霄|flat|2 3.8 5.4 6.6 - 12.9|1.2 3 4.6 5.8 - -
    |14|+24|next|last|down|first|--|300-50000|d
jingcheng|Jingcheng|镜澄|flat|2.4 4.7 6.5 8 - 15.7|2.2 4.5 6.3 7.8 - 15.5
    |24|5|none|evenly|half-even|last|ef|100-50000|-
lingxi|Lingxi|灵犀|flat|2 3.8 5.3 6.5 - -|2 3.8 5.3 6.5 - -
    |28|27|next|last|half-up|first|ef|100-20000|-
zhaoyan|Zhaoyan|朝颜|flat|2.23 4.26 5.99 7.3 10.96 -|1.43 3.46 5.19 6.5 - -
    |12|+18|none|last|half-even|first|-f|200-100000|do
yuejian|Yuejian|月涧|annuity|11.88 12.38 - 12.38 12.38 12.38|11.28 11.78 - 11.78 11.78 11.78
    |9|25|next|evenly|down|first|ef|600-30000|-
fanying|Fanying|帆影|flat|2.4 4.5 - 7.8 11.7 -|2.1 4.2 - 7.5 11.4 -
    |21|5|none|last|half-even|last|ef|600-80000|-
jiuwan|Jiuwan|九畹|flat|2 3.8 5.4 6.6 - -|1.2 3 4.6 5.8 - 14.2
    |17|+20|next|last|half-up|first|-f|200-20000|d
wanqing|Wanqing|晚晴|flat|2.23 4.26 5.98 7.3 10.95 14.39|1.73 3.76 5.48 6.8 10.45 13.89
    |17|11|none|evenly|half-even|first|e-|300-80000|-
chunshen|Chunshen|春深|flat|2.3 4.3 6.1 7.4 11.1 14.6|2.1 4.1 5.9 7.2 10.9 14.4
    |13|13|next|last|down|first|ef|100-30000|-
xiaman|Xiaman|夏蔓|annuity|14.95 13.95 - 13.95 13.95 14.45|14.95 13.95 - 13.95 - -
    |16|+23|none|last|half-even|last|-f|600-30000|d
qiushui|Qiushui|秋水|flat|2.1 4 - 6.8 10.2 13.4|2.1 4 - 6.8 10.2 -
    |17|27|next|evenly|half-up|first|ef|600-20000|-
dongqing|Dongqing|冬青|flat|2.09 3.99 5.6 6.84 10.26 13.49|1.59 3.49 5.1 6.34 9.76 12.99
    |24|24|none|last|half-even|first|ef|500-80000|-
yuli|Yuli|玉篱|flat|2.4 4.5 6.3 7.7 11.6 15.3|2.2 4.3 6.1 7.5 11.4 -
    |10|+20|next|last|down|first|-f|100-80000|d
shixi|Shixi|石溪|flat|2.1 4.1 - 7 - 13.7|2.1 4.1 - 7 - 13.7
    |12|14|none|evenly|half-even|last|ef|100-100000|o
mobai|Mobai|墨白|annuity|14.37 13.87 13.37 14.37 14.37 13.87|13.37 12.87 12.37 13.37 13.37 12.87
    |13|2|next|last|half-up|first|e-|200-20000|-
suxin|Suxin|素心|flat|2.11 4.03 - 6.91 - -|1.81 3.73 - 6.61 - 14.2
    |25|+23|none|last|half-even|first|-f|600-80000|d
tinglu|Tinglu|汀鹭|flat|2.2 4.2 5.9 7.2 - 14.3|2.2 4.2 5.9 7.2 - 14.3
    |6|21|next|evenly|down|first|ef|200-100000|-
"""


class SimulatedEnd(NamedTuple):
    """Where a bank of the sandbox listens: what a bank simulator must serve. `code` is that of its product."""

    code: str
    protocol: str
    port: int


class _Row(NamedTuple):
    code: str
    name: str
    name_zh: str
    method: str
    buyer: str
    sponsored: str
    statement_day: str
    due: str
    holidays: str
    refunds: str
    rounding: str
    remainder: str
    fees: str
    orders: str
    extras: str


_ROWS: Final = tuple(_Row(*line.split("|")) for line in _TABLE.replace("\n    |", "|").strip().splitlines())
BANKS_COUNT: Final = len(_ROWS)
PORTS_COUNT: Final = 2 * BANKS_COUNT
"""Ports that the banks of the sandbox take, from the base on."""


def sandbox_lenders(banks_port: int, bank_key: tuple[str, str] | None = None) -> tuple[LenderSpec, ...]:
    """All lenders of the sandbox, the platform first. Their banks listen on ports from `banks_port` on.

    `bank_key` is id and public key of what they sign credit pay with.
    """
    banks = (_bank(number, row, banks_port, bank_key) for number, row in enumerate(_ROWS, 1))
    return (_platform(), *banks)


def simulated_ends(banks_port: int) -> tuple[SimulatedEnd, ...]:
    """Every end at which a bank of the sandbox is called; its debit card is asked for where its credit card is."""
    ends = []
    for number, row in enumerate(_ROWS, 1):
        ends.append(SimulatedEnd(f"{row.code}-card", _protocol(number), _card_port(number, banks_port)))
        if "o" not in row.extras:
            ends.append(SimulatedEnd(f"{row.code}-pay", "credit-pay", _card_port(number, banks_port) + 1))
    return tuple(ends)


def sandbox_card_number(bank: int, serial: int, *, debit: bool = False) -> str:
    """A card number of the sandbox's bank 1 to 37, with a right check digit. Serials are 0 to 9 999 999."""
    digits = f"9{bank:02d}{'600' if debit else '100'}00{serial:07d}"
    return digits + luhn_digit(digits)


def _protocol(number: int) -> Any:
    return "iso8583-1987" if number % 2 else "iso8583-1993"


def _card_port(number: int, banks_port: int) -> int:
    return banks_port + 2 * (number - 1)


def _bank(number: int, row: _Row, banks_port: int, bank_key: tuple[str, str] | None) -> LenderSpec:
    names = {"name": f"{row.name} Bank", "name_zh": f"{row.name_zh}银行"}
    endpoint = f"{_HOST}:{_card_port(number, banks_port)}"
    products = [
        ProductSpec(
            f"{row.code}-card",
            "credit_card",
            f"{row.name} Credit Card",
            f"{row.name_zh}信用卡",
            "CNY",
            "external",
            _protocol(number),
            endpoint,
            _card_terms(row, (_credit_bins(number),)),
        ),
        _credit_pay(row, f"http://{_HOST}:{_card_port(number, banks_port) + 1}", bank_key),
    ]
    if "d" in row.extras:
        products.append(
            ProductSpec(
                f"{row.code}-debit",
                "debit_card",
                f"{row.name} Debit Card",
                f"{row.name_zh}借记卡",
                "CNY",
                "external",
                _protocol(number),
                endpoint,
                _debit_terms(row, ((f"9{number:02d}600", f"9{number:02d}649"),)),
            )
        )
    return LenderSpec(row.code, "bank", names["name"], names["name_zh"], tuple(products))


def _credit_bins(number: int) -> BinRange:
    """Some banks have ranges of eight digits, as real ones do."""
    start = f"9{number:02d}1"
    return (f"{start}0000", f"{start}9999") if number % 4 == 0 else (f"{start}00", f"{start}99")


def _credit_pay(row: _Row, url: str, bank_key: tuple[str, str] | None) -> ProductSpec:
    own = "o" in row.extras
    return ProductSpec(
        f"{row.code}-pay",
        "bank_credit_pay",
        f"{row.name} Credit Pay",
        f"{row.name_zh}信用购",
        "CNY",
        "own" if own else "external",
        None if own else "credit-pay",
        None if own else url,
        _credit_pay_terms(row, () if own or bank_key is None else (bank_key,), own=own),
    )


def _prices(row: _Row) -> dict[int, tuple[str | None, str | None]]:
    pairs = zip(row.buyer.split(), row.sponsored.split(), strict=True)
    offered = dict(zip(INSTALMENT_COUNTS, pairs, strict=True))
    return {
        count: (None if buyer == "-" else buyer, None if sponsored == "-" else sponsored)
        for count, (buyer, sponsored) in offered.items()
        if (buyer, sponsored) != ("-", "-")
    }


def _terms(row: _Row, **more: Any) -> ProductTerms:
    least, largest = row.orders.split("-")
    values: dict[str, Any] = {
        "bins": (),
        "order_min_minor": int(least) * 100,
        "order_max_minor": int(largest) * 100,
        "line_limit_minor": 0,
        "instalments": (),
        "statement_day": int(row.statement_day),
        "due_day": None if row.due.startswith("+") else int(row.due),
        "due_after_days": int(row.due) if row.due.startswith("+") else None,
        "holiday_rule": "next-business-day" if row.holidays == "next" else "none",
        "refund_policy": "evenly" if row.refunds == "evenly" else "from-the-last",
        "early_repayment_fee_refunded": "e" in row.fees,
        "fee_refunded": "f" in row.fees,
        "rounding": row.rounding,
        "remainder": row.remainder,
    }
    return ProductTerms(**{**values, **more})


def _card_terms(row: _Row, bins: tuple[BinRange, ...]) -> ProductTerms:
    prices = _prices(row).items()
    return _terms(
        row,
        bins=bins,
        instalments=tuple(InstalmentTerms(count, _method(row), *price) for count, price in prices),
        consent_text=(
            f"本人同意以{row.name_zh}信用卡付款及分期，分期由{row.name_zh}银行提供，还款以其账单为准。\n"
            f"I agree to pay with my {row.name} credit card. {row.name} Bank lends; its bill says what I repay."
        ),
    )


def _method(row: _Row) -> Any:
    return row.method


def _credit_pay_terms(row: _Row, bank_keys: tuple[tuple[str, str], ...], *, own: bool) -> ProductTerms:
    # The bank's own credit pay has the card's prices, less a little, for the shorter terms.
    instalments = tuple(
        InstalmentTerms(count, _method(row), _less(buyer), sponsored)
        for count, (buyer, sponsored) in _prices(row).items()
        if count in _PAY_COUNTS
    )
    return _terms(
        row,
        order_min_minor=50_00,
        line_limit_minor=8_000_00 if own else 0,
        instalments=instalments,
        bank_keys=bank_keys,
        consent_text=(
            f"本人授权{row.name_zh}银行就{row.name_zh}信用购评估并提供授信，按期向{row.name_zh}银行还款。\n"
            f"I ask {row.name} Bank for credit under {row.name} Credit Pay and repay {row.name} Bank when due."
        ),
    )


def _less(price: str | None) -> str | None:
    return None if price is None else str(Decimal(price) - _PAY_DISCOUNT)


def _debit_terms(row: _Row, bins: tuple[BinRange, ...]) -> ProductTerms:
    return _terms(
        row,
        bins=bins,
        order_min_minor=1,
        statement_day=None,
        due_day=None,
        due_after_days=None,
        consent_text=(
            f"本人同意从{row.name_zh}银行借记卡扣款。\nI agree that payments are taken from my {row.name} debit card."
        ),
    )


def _platform() -> LenderSpec:
    """The platform's credit line with the published fees: flat, half even, the remainder in the first instalment."""
    terms = ProductTerms(
        bins=(),
        order_min_minor=100,
        order_max_minor=50_000_00,
        line_limit_minor=10_000_00,
        instalments=(
            InstalmentTerms(3, "flat", "2.3", "1.8"),
            InstalmentTerms(6, "flat", "4.5", "4.5"),
            InstalmentTerms(12, "flat", "7.5", "7.5"),
        ),
        statement_day=1,
        due_day=10,
        due_after_days=None,
        holiday_rule="none",
        refund_policy="from-the-last",
        early_repayment_fee_refunded=True,
        fee_refunded=True,
        rounding="half-even",
        remainder="first",
        consent_text=(
            "本人同意由川流提供川流月付授信，知悉分期手续费率，并按账单日还款。\n"
            "I take credit from Chuanliu under Chuanliu Monthly, know its fees, and repay on the day of the bill."
        ),
    )
    line = ProductSpec(PLATFORM_LINE, "credit_line", "Chuanliu Monthly", "川流月付", "CNY", "own", None, None, terms)
    return LenderSpec(PLATFORM_LENDER, "platform", "Chuanliu", "川流", (line,))
