"""Which stage an order and its viewer are in, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from chuanliu.clock import HOUR, SECOND
from chuanliu.gateway.cashier.stages import (
    Viewer,
    choose_stage,
    masked_name,
    paid_by,
    refusal_of,
    settled_stage,
    sign_in_stage,
    waits_for_other,
)
from chuanliu.ledger import Account
from chuanliu.parties import Consumer, ConsumerView
from chuanliu.trade import Order, OrderView, Payment
from chuanliu.web import stage_name

NOW = 1_794_000_000 * SECOND
PAYER, OTHER, SELLER = 2088000000001001, 2088000000001002, 2088000000001003


def order_with(**changes: Any) -> Order:
    unpaid = Order(
        1, 2**40, SELLER, 2021000000000001, "T1", None, "page", "茶", "CNY", 500, "WAIT_BUYER_PAY", None, None, 0, 0, 0,
        None, None, None, NOW - HOUR, NOW + HOUR, None, None,
    )  # fmt: skip
    return unpaid.changed(**changes)


def payment_with(status: str, payer_id: int = PAYER) -> Payment:
    return Payment(1, 7, payer_id, (2**40,), "CNY", 500, 0, status, None, NOW, None)


def payer_with(balance_minor: int = 1000, *, status: str = "active", consumer_id: int = PAYER) -> ConsumerView:
    account = Account(1, 5, "checked", "open", 0, balance_minor, 0, 0, NOW)
    return ConsumerView(Consumer(1, consumer_id, "小川", status, "", 0, NOW), account)


PAID = {"status": "TRADE_SUCCESS", "paid_at": NOW, "buyer_id": PAYER, "payment_id": 7}
SETTLED: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({}, None, None),
    ({"expires_at": NOW}, None, "expired"),
    (PAID, "SUCCEEDED", "already-paid"),
    (PAID | {"status": "TRADE_FINISHED"}, "SUCCEEDED", "already-paid"),
    (PAID | {"status": "TRADE_CLOSED", "closed_at": NOW + 2 * HOUR}, "SUCCEEDED", "closed"),
    ({"status": "TRADE_CLOSED", "closed_at": NOW}, None, "closed"),
    ({"status": "TRADE_CLOSED", "closed_at": NOW + HOUR}, None, "expired"),
    ({"payment_id": 7}, "UNKNOWN", "in-progress"),
    ({"payment_id": 7}, "AWAITING_PAYER", None),
]


@pytest.mark.parametrize(("changes", "payment", "stage"), SETTLED)
def test_settled(changes: dict[str, Any], payment: str | None, stage: str | None) -> None:
    view = OrderView(order_with(**changes), payment_with(payment) if payment else None, ())
    found = settled_stage(view, NOW)
    assert (stage_name(found) if found is not None else None) == stage


@pytest.mark.parametrize(("waits_for", "other"), [(None, False), (PAYER, False), (OTHER, True)])
def test_whoever_else_has_begun_to_pay(waits_for: int | None, other: bool) -> None:
    waiting = payment_with("AWAITING_PAYER", waits_for) if waits_for else None
    view = OrderView(order_with(payment_id=7 if waiting else None), waiting, ())
    assert waits_for_other(view, payer_with()) is other


def test_forms_go_to_the_order(qr: str = "http://pay.example/qr/") -> None:
    order = order_with()
    signing_in = sign_in_stage(order, Viewer("token"), public_url="http://pay.example")
    assert signing_in.qr_content.startswith(qr)
    choosing = choose_stage(order, Viewer("token"), payer_with(), (), 77)
    assert (choosing.quote_id, choosing.action, choosing.sign_out_action) == (
        "77",
        f"{signing_in.action}/pay",
        f"{signing_in.action}/sign-out",
    )


@pytest.mark.parametrize(
    ("payer", "changes", "refusal"),
    [
        (payer_with(), {}, ""),
        (payer_with(499), {}, ""),
        (payer_with(status="blocked"), {}, "buyer_blocked"),
        (payer_with(), {"buyer_id": OTHER}, "buyer_mismatch"),
        (payer_with(), {"buyer_id": PAYER}, ""),
        (payer_with(consumer_id=SELLER), {}, "buyer_is_seller"),
    ],
)
def test_who_may_not_pay_at_all(payer: ConsumerView, changes: dict[str, Any], refusal: str) -> None:
    assert refusal_of(order_with(**changes), payer) == refusal


def test_only_the_payer_sees_the_result() -> None:
    view = OrderView(order_with(**PAID), payment_with("SUCCEEDED"), ())
    assert paid_by(view, payer_with())
    assert not paid_by(view, payer_with(consumer_id=OTHER))
    assert not paid_by(OrderView(order_with(), None, ()), payer_with())


@pytest.mark.parametrize(
    ("name", "masked"), [("小川", "*川"), ("王小川", "*小川"), ("川", "*"), ("Alice Liddell", "A***l")]
)
def test_names_are_masked(name: str, masked: str) -> None:
    assert masked_name(name) == masked
