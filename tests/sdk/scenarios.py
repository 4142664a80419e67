"""What a merchant does, as one table: calls in order, what is sent, what must come back.

Words beginning with `$` are filled in when a scenario runs: `$order` its out_trade_no, `$code` a fresh payment code,
`$trade_no` and `$qr_code` what an earlier step answered. `$order-x` is another number of the same scenario.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

CHINESE: Final = "川流茶铺·龙井茶（明前）￥88"
# For requests that are refused before anybody looks the code up.
UNREAD_CODE: Final = "280000000000000000"
BRACES: Final = 'a { b "c" \\ d } } e'


@dataclass(frozen=True, slots=True)
class Step:
    """One call. `refused` is the sub_code of the expected refusal; without it the call must succeed.

    `answer` must be a part of what came back; names in `absent` must not be in it. `raw` is the full method name of a
    call that the SDK's own named method would not let through.
    """

    call: str
    biz: dict[str, Any]
    answer: dict[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    refused: str | None = None
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named row of the table. `life` marks what every variant runs, not only the full ones."""

    name: str
    steps: tuple[Step, ...]
    life: bool = False


def paid(amount: str = "88.88", subject: str = "tea") -> Step:
    """The step that pays `$order` with a fresh code, as a till with a scanner does."""
    biz = {
        "out_trade_no": "$order",
        "scene": "bar_code",
        "auth_code": "$code",
        "subject": subject,
        "total_amount": amount,
    }
    return Step("pay", biz, {"out_trade_no": "$order", "total_amount": amount})


def queried(status: str, **answer: str) -> Step:
    """The step that asks for `$order` and finds it in this status."""
    return Step("query", {"out_trade_no": "$order"}, {"trade_status": status, "out_trade_no": "$order", **answer})


def refunded(number: str, amount: str, *, total: str, change: str = "Y") -> Step:
    """The step that refunds an amount of `$order`; `total` is the cumulative refund_fee afterwards."""
    biz = {"out_trade_no": "$order", "refund_amount": amount, "out_request_no": number}
    return Step("refund", biz, {"fund_change": change, "refund_fee": total})


def refund_refused(number: str, amount: str, code: str) -> Step:
    """The step that asks for a refund and is told no."""
    biz = {"out_trade_no": "$order", "refund_amount": amount, "out_request_no": number}
    return Step("refund", biz, refused=code)


def refund_found(number: str, amount: str, *, paid: str) -> Step:
    """The step that asks for one refund of `$order`."""
    answer = {"refund_amount": amount, "total_amount": paid, "refund_status": "REFUND_SUCCESS"}
    return Step("refund_query", {"out_trade_no": "$order", "out_request_no": number}, answer)


def named(subject: str) -> tuple[Step, ...]:
    """Pay with a subject that is hard to carry, and read it back unharmed."""
    return (paid("0.01", subject), queried("TRADE_SUCCESS", subject=subject))


def bad_amount(amount: str) -> Step:
    """The step that pays an amount that is none."""
    biz = {
        "out_trade_no": "$order",
        "scene": "bar_code",
        "auth_code": UNREAD_CODE,
        "subject": "tea",
        "total_amount": amount,
    }
    return Step("pay", biz, refused="ACQ.INVALID_PARAMETER")


PRECREATE: Final = Step(
    "precreate",
    {"out_trade_no": "$order", "subject": "tea", "total_amount": "5.00"},
    {"out_trade_no": "$order", "qr_code": "$qr_code"},
)
UNREAD: Final = {**paid().biz, "auth_code": UNREAD_CODE}
NOT_THERE: Final = "ACQ.TRADE_NOT_EXIST"

SCENARIOS: Final = (
    Scenario(
        "the whole life of a payment",
        (
            paid("88.88"),
            queried("TRADE_SUCCESS", trade_no="$trade_no", total_amount="88.88"),
            refunded("r1", "30.00", total="30.00"),
            queried("TRADE_SUCCESS"),
            refunded("r2", "8.88", total="38.88"),
            refund_found("r1", "30.00", paid="88.88"),
            refund_found("r2", "8.88", paid="88.88"),
            refunded("r3", "50.00", total="88.88"),
            queried("TRADE_CLOSED"),
        ),
        life=True,
    ),
    Scenario(
        "the same payment again is the first answer",
        (paid("10.00"), Step("pay", paid("10.00").biz, {"trade_no": "$trade_no", "total_amount": "10.00"})),
    ),
    Scenario(
        "the same number with another amount",
        (paid("10.00"), Step("pay", paid("10.01").biz, refused="ACQ.CONTEXT_INCONSISTENT")),
    ),
    Scenario(
        "a repeated refund moves no money",
        (
            paid("10.00"),
            refunded("r1", "4.00", total="4.00"),
            refunded("r1", "4.00", total="4.00", change="N"),
            refunded("r2", "6.00", total="10.00"),
        ),
    ),
    Scenario(
        "a repeated refund with another amount",
        (
            paid("10.00"),
            refunded("r1", "4.00", total="4.00"),
            refund_refused("r1", "5.00", "ACQ.DISCORDANT_REPEAT_REQUEST"),
            refund_found("r1", "4.00", paid="10.00"),
        ),
    ),
    Scenario(
        "more refunds than were paid",
        (
            paid("10.00"),
            refunded("r1", "9.99", total="9.99"),
            refund_refused("r2", "0.02", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"),
            refunded("r3", "0.01", total="10.00"),
        ),
    ),
    Scenario(
        "a refund that nobody asked for",
        (
            paid("10.00"),
            Step(
                "refund_query",
                {"out_trade_no": "$order", "out_request_no": "never"},
                absent=("refund_status", "refund_amount"),
            ),
        ),
    ),
    Scenario(
        "close an order that waits for its payer",
        (
            PRECREATE,
            Step("close", {"out_trade_no": "$order"}, {"out_trade_no": "$order"}),
            Step("pay", paid("5.00").biz, refused="ACQ.TRADE_HAS_CLOSE"),
        ),
        life=True,
    ),
    Scenario(
        "a paid order cannot be closed",
        (paid("1.00"), Step("close", {"out_trade_no": "$order"}, refused="ACQ.TRADE_STATUS_ERROR")),
    ),
    Scenario(
        "cancel an order that waits for its payer",
        (PRECREATE, Step("cancel", {"out_trade_no": "$order"}, {"action": "close", "retry_flag": "N"})),
    ),
    Scenario(
        "cancel a paid order gives the money back",
        (
            paid("7.00"),
            Step("cancel", {"out_trade_no": "$order"}, {"action": "refund", "retry_flag": "N"}),
            queried("TRADE_CLOSED"),
        ),
        life=True,
    ),
    Scenario(
        "cancel an order that nobody has seen",
        (Step("cancel", {"out_trade_no": "$order"}, {"retry_flag": "N"}, absent=("action",)),),
    ),
    Scenario(
        "an unknown order",
        (
            Step("query", {"out_trade_no": "$order"}, refused=NOT_THERE),
            Step("close", {"out_trade_no": "$order"}, refused=NOT_THERE),
            refund_refused("r1", "1.00", NOT_THERE),
        ),
        life=True,
    ),
    Scenario(
        "a used payment code",
        (
            paid("1.00"),
            Step(
                "pay",
                {**paid("1.00").biz, "out_trade_no": "$order-x", "auth_code": "$used"},
                refused="ACQ.PAYMENT_AUTH_CODE_INVALID",
            ),
        ),
    ),
    Scenario(
        "more than the consumer has",
        (Step("pay", paid("1000000.00").biz, refused="ACQ.BUYER_BALANCE_NOT_ENOUGH"),),
    ),
    Scenario(
        "wrong amounts",
        tuple(bad_amount(text) for text in ("1e2", "-0.01", "0.001", "0", "100000000.01", "1,00", "abc")),
    ),
    Scenario(
        "a missing field",
        tuple(
            Step(
                "pay",
                {key: value for key, value in UNREAD.items() if key != missing},
                refused="ACQ.INVALID_PARAMETER",
                raw="alipay.trade.pay",
            )
            for missing in ("out_trade_no", "subject", "auth_code", "total_amount")
        ),
    ),
    Scenario("unbalanced braces in a subject", (*named(BRACES), refunded("r1", "0.01", total="0.01")), life=True),
    Scenario("Chinese text", named(CHINESE), life=True),
)
