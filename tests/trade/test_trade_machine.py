"""The life of orders against a small model: any sequence of requests answers and moves what the model says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from chuanliu.engine import Command, Engine
from chuanliu.errors import ChuanliuError
from chuanliu.money import Rounding, share_of
from chuanliu.trade import (
    CancelOrder,
    CloseOrder,
    ConfirmPayment,
    CreateOrder,
    ExpireOrder,
    FindOrder,
    FinishOrder,
    OrderSpec,
    PayByCode,
    PayOrder,
    RefundOrder,
)
from engine.rig import engines
from trade.market import Market, ref, spec

FEE_BPS = 137
BUYERS = 3


@dataclass
class Modelled:
    """An order as the model has it. `status` `NEVER` is a number that was cancelled unseen."""

    asked: OrderSpec
    status: str
    order_id: int = 0
    due: bool = False
    buyer: int | None = None
    paid: bool = False
    waiting_by: int | None = None
    waiting_payment: int = 0
    refunds: dict[str, int] = field(default_factory=dict)

    @property
    def left(self) -> int:
        return self.asked.amount_minor - sum(self.refunds.values())


class Trades(RuleBasedStateMachine):
    """One shop and three buyers."""

    market: Market
    engine: Engine
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.shop = self.market.merchant(fee_bps=FEE_BPS)
        self.fees_before = self.market.fees()
        self.wallets = {self.do(self.market.consumer(self.engine, 1_000)): 1_000 for _ in range(BUYERS)}
        self.orders: list[Modelled] = []

    def do(self, story: Any) -> Any:
        return self.runner.run(story)

    def ask(self, command: Command[Any]) -> Any:
        """The outcome, or the refusal's code."""

        async def story() -> Any:
            try:
                return await self.engine.submit(command)
            except ChuanliuError as error:
                return error.code

        return self.do(story())

    def buyer(self, number: int) -> int:
        return list(self.wallets)[number % BUYERS]

    def order(self, number: int) -> Modelled:
        return self.orders[number % len(self.orders)]

    def unpayable(self, order: Modelled) -> str | None:
        if order.status == "WAIT_BUYER_PAY":
            return "order_expired" if order.due else None
        return {"TRADE_SUCCESS": "order_already_paid", "TRADE_FINISHED": "order_finished"}.get(
            order.status, "order_closed"
        )

    def settle(self, order: Modelled, buyer: int, outcome: Any) -> None:
        """What a payment by this buyer must come to."""
        enough = self.wallets[buyer] >= order.asked.amount_minor
        order.waiting_by = None
        if not enough:
            assert (outcome.result, outcome.reason) == ("refused", "balance_insufficient")
            return
        assert outcome.result == "paid"
        assert outcome.order.buyer_id == buyer
        self.wallets[buyer] -= order.asked.amount_minor
        order.status, order.paid, order.buyer = "TRADE_SUCCESS", True, buyer

    @rule(amount=st.integers(1, 700))
    def create(self, amount: int) -> None:
        asked = spec(self.shop, amount)
        made = self.ask(CreateOrder(asked))
        assert self.ask(CreateOrder(asked)) == made
        self.orders.append(Modelled(asked, "WAIT_BUYER_PAY", made.order_id))

    @rule()
    def cancel_unseen(self) -> None:
        asked = spec(self.shop)
        assert self.ask(CancelOrder(ref(asked))).action is None
        self.orders.append(Modelled(asked, "NEVER"))

    @rule(amount=st.integers(1, 700), buyer=st.integers(0, 2))
    def create_and_pay(self, amount: int, buyer: int) -> None:
        asked = spec(self.shop, amount)
        outcome = self.ask(PayByCode(asked, self.market.code(self.buyer(buyer))))
        order = Modelled(asked, "WAIT_BUYER_PAY", outcome.order.order_id)
        self.orders.append(order)
        self.settle(order, self.buyer(buyer), outcome)

    @precondition(lambda self: self.orders)
    @rule(number=st.integers(0, 99), buyer=st.integers(0, 2), confirm=st.booleans())
    def pay_by_code(self, number: int, buyer: int, confirm: bool) -> None:
        order, payer = self.order(number), self.buyer(buyer)
        outcome = self.ask(PayByCode(order.asked, self.market.code(payer, confirm_above=0 if confirm else 10**9)))
        refused = self.unpayable(order)
        if refused == "order_already_paid":
            assert (outcome.result, outcome.order.buyer_id) == ("paid", order.buyer)
        elif refused is not None:
            assert outcome == refused
        elif order.waiting_by is not None:
            assert (outcome.result, outcome.payment.payer_id) == ("awaiting_payer", order.waiting_by)
        elif confirm:
            assert outcome.result == "awaiting_payer"
            order.waiting_by, order.waiting_payment = payer, outcome.payment.payment_id
        else:
            self.settle(order, payer, outcome)

    @precondition(lambda self: self.orders)
    @rule(number=st.integers(0, 99), buyer=st.integers(0, 2))
    def pay_in_cashier(self, number: int, buyer: int) -> None:
        order, payer = self.order(number), self.buyer(buyer)
        outcome = self.ask(PayOrder(order.order_id, payer))
        refused = self.unpayable(order)
        if order.status == "NEVER":
            assert outcome == "order_not_found"
        elif order.status == "TRADE_SUCCESS" and order.buyer == payer:
            assert outcome.result == "paid"
        elif refused is not None:
            assert outcome == refused
        elif order.waiting_by not in (None, payer):
            assert outcome == "payment_in_progress"
        else:
            self.settle(order, payer, outcome)

    @precondition(lambda self: any(order.waiting_payment for order in self.orders))
    @rule(number=st.integers(0, 99), agreed=st.booleans())
    def confirm(self, number: int, agreed: bool) -> None:
        waiting = [order for order in self.orders if order.waiting_payment]
        order = waiting[number % len(waiting)]
        payer = order.waiting_by or self.buyer(number)
        outcome = self.ask(ConfirmPayment(order.waiting_payment, payer, agreed))
        if order.waiting_by is None:
            assert outcome in ("payment_not_found", "confirmation_too_late") or outcome.result == "paid"
        elif order.due:
            assert outcome == "order_expired"
        elif agreed:
            self.settle(order, payer, outcome)
        else:
            assert outcome.result == "refused"
            order.waiting_by = None

    @precondition(lambda self: self.orders)
    @rule(number=st.integers(0, 99), amount=st.integers(1, 700), request=st.integers(0, 3))
    def refund(self, number: int, amount: int, request: int) -> None:
        order, request_no = self.order(number), f"r{request}"
        outcome = self.ask(RefundOrder(ref(order.asked), amount, request_no))
        if order.status == "NEVER":
            assert outcome == "order_not_found"
        elif request_no in order.refunds:
            same = order.refunds[request_no] == amount
            assert (not outcome.moved) if same else outcome == "refund_inconsistent"
        elif order.status == "TRADE_FINISHED":
            assert outcome == "order_finished"
        elif not order.paid:
            assert outcome == "order_status_invalid"
        elif amount > order.left:
            assert outcome == "refund_exceeds_payment"
        else:
            assert outcome.moved
            self.give_back(order, request_no, amount)

    def give_back(self, order: Modelled, request_no: str, amount: int) -> None:
        assert order.buyer is not None
        order.refunds[request_no] = amount
        self.wallets[order.buyer] += amount
        if not order.left:
            order.status = "TRADE_CLOSED"

    @precondition(lambda self: self.orders)
    @rule(number=st.integers(0, 99))
    def cancel(self, number: int) -> None:
        order = self.order(number)
        outcome = self.ask(CancelOrder(ref(order.asked)))
        match order.status:
            case "NEVER":
                assert outcome.action is None
            case "TRADE_FINISHED":
                assert outcome == "order_finished"
            case "TRADE_SUCCESS":
                assert outcome.action == "refund"
                self.give_back(order, "cancel", order.left)
            case "TRADE_CLOSED" if order.paid:
                assert outcome.action == ("refund" if "cancel" in order.refunds else None)
            case _:
                assert outcome.action == "close"
                order.status, order.waiting_by = "TRADE_CLOSED", None

    @precondition(lambda self: self.orders)
    @rule(number=st.integers(0, 99))
    def close(self, number: int) -> None:
        order = self.order(number)
        outcome = self.ask(CloseOrder(ref(order.asked)))
        if order.status == "NEVER":
            assert outcome == "order_not_found"
        elif order.paid:
            assert outcome == "order_status_invalid"
        else:
            assert outcome.status == "TRADE_CLOSED"
            order.status, order.waiting_by = "TRADE_CLOSED", None

    @precondition(lambda self: any(order.status == "WAIT_BUYER_PAY" for order in self.orders))
    @rule(number=st.integers(0, 99))
    def time_runs_out(self, number: int) -> None:
        open_orders = [order for order in self.orders if order.status == "WAIT_BUYER_PAY"]
        order = open_orders[number % len(open_orders)]
        self.market.execute("UPDATE orders SET expires_at = now() WHERE order_id = %s", order.order_id)
        order.due = True

    @precondition(lambda self: self.orders)
    @rule(number=st.integers(0, 99))
    def sweep(self, number: int) -> None:
        order = self.order(number)
        expired = self.ask(ExpireOrder(order.order_id))
        assert expired == (order.status == "WAIT_BUYER_PAY" and order.due)
        if expired:
            order.status, order.waiting_by = "TRADE_CLOSED", None

    @precondition(lambda self: self.orders)
    @rule(number=st.integers(0, 99))
    def finish(self, number: int) -> None:
        order = self.order(number)
        finished = self.ask(FinishOrder(order.order_id))
        assert finished == (order.status == "TRADE_SUCCESS")
        if finished:
            order.status = "TRADE_FINISHED"

    @invariant()
    def money_is_where_the_model_has_it(self) -> None:
        assert {buyer: self.market.wallet(buyer) for buyer in self.wallets} == self.wallets
        fees = sum(
            share - share * (order.asked.amount_minor - order.left) // order.asked.amount_minor
            for order in self.orders
            if order.paid and (share := share_of(order.asked.amount_minor, FEE_BPS, Rounding.HALF_UP))
        )
        kept = sum(order.left for order in self.orders if order.paid)
        assert self.market.receivable(self.shop) == kept - fees
        assert self.market.fees() - self.fees_before == fees

    def teardown(self) -> None:
        for order in self.orders:
            if order.status != "NEVER":
                view = self.do(self._view(order))
                assert (view.order.status, view.order.refunded_minor) == (
                    order.status,
                    sum(order.refunds.values()),
                )
                assert len(view.refunds) == len(order.refunds)
        self.market.require_clean()

    async def _view(self, order: Modelled) -> Any:
        return await self.engine.ask(FindOrder(ref(order.asked), with_refunds=True))


def run_machine(market: Market, examples: int, steps: int) -> None:
    limits = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    with asyncio.Runner() as runner:
        manager = engines(market.url)
        (engine,) = runner.run(manager.__aenter__())
        try:
            bound = type("Trades", (Trades,), {"market": market, "engine": engine, "runner": runner})
            run_state_machine_as_test(bound, settings=limits)
        finally:
            runner.run(manager.__aexit__(None, None, None))


def test_trades_follow_the_model(market: Market) -> None:
    run_machine(market, examples=12, steps=30)


@pytest.mark.long
def test_trades_follow_the_model_for_long(market: Market) -> None:
    run_machine(market, examples=100, steps=50)
