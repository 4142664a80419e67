"""Instalments in any order of events: each order's money sums up, and sponsors pay what they agreed to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from chuanliu.engine import Command, Engine, Reference
from chuanliu.errors import ChuanliuError
from chuanliu.instalments import (
    Basket,
    ConfirmQuote,
    MakeQuote,
    Offer,
    QuoteView,
    ReleaseQuote,
    RepayPlan,
    Wish,
    kept_after_refund,
    wish_bytes,
)
from chuanliu.instalments.offers import basket_in
from chuanliu.ledger import PLATFORM, Chart
from chuanliu.parties import ReadReference
from chuanliu.promotions import (
    CampaignTerms,
    CloseCampaign,
    CountBudgets,
    NewSponsor,
    PauseCampaign,
    PublishCampaign,
    ResumeCampaign,
)
from chuanliu.trade import (
    CancelOrder,
    Choice,
    CloseOrder,
    CreateOrder,
    PayOrder,
    PayOutcome,
    RecordBankAnswer,
    RefundOrder,
)
from engine.rig import engines
from instalments.mall import Bought, Buyer, Mall, by_owner, new_mall, open_mall
from instalments.shop import now
from promotions.fair import new_campaign
from trade.market import Market, ref, spec

BUYERS = 2
CAMPAIGNS_MAX = 4
NUMBER = st.integers(0, 99)
AMOUNT = st.integers(1, 40_000) | st.integers(1, 30).map(lambda n: n * 1_000)
CAP = st.none() | st.integers(1, 400)

SPONSOR = st.tuples(
    st.sampled_from(("merchant", "platform", "brand", "bank")),
    st.integers(1, 10_000),
    st.integers(1, 3_000) | st.just(10**9),
    CAP,
)
WISHES = st.builds(
    Wish,
    allowed=st.sampled_from((("credit_line",), ("credit_card",), ("credit_card",), ("bank_credit_pay",), ())),
    forbidden=st.just(("balance",)),
    instalments=st.sampled_from((None, 3, 6, 12, 12)),
    borne_by=st.sampled_from(("buyer", "buyer", "merchant")),
)
ANSWER = st.tuples(
    NUMBER, st.sampled_from(("succeeded", "succeeded", "succeeded", "refused", "unknown")), st.booleans(), st.booleans()
)
TERMS = st.builds(
    CampaignTerms,
    stacking=st.sampled_from(("exclusive", "stackable", "stackable")),
    instalments=st.sampled_from((frozenset(), frozenset({3, 12}))),
    per_consumer_uses=st.sampled_from((None, None, 2)),
    per_day_uses=st.sampled_from((None, None, 4)),
    first_use_only=st.sampled_from((False, False, False, True)),
)


def place_of(offer: Offer) -> tuple[int, int]:
    return offer.instrument_id, offer.instalments


class Instalments(RuleBasedStateMachine):
    """One merchant, a few buyers, and all lenders of the mall."""

    market: ClassVar[Market]
    mall: ClassVar[Mall]
    engine: ClassVar[Engine]
    runner: ClassVar[asyncio.Runner]

    def __init__(self) -> None:
        super().__init__()
        self.merchant = self.market.merchant(fee_bps=60)
        self.lenders = {self.mall.lender(code) for code in ("chuanliu", "mill", "quay")}
        self.buyers = [self.do(self.mall.buyer(self.engine, 60_000, 90_000)) for _ in range(BUYERS)]
        self.campaigns: list[int] = []
        self.quotes: list[tuple[Buyer, QuoteView]] = []
        self.bought: list[Bought] = []
        self.touched: list[Bought] = []

    def do(self, story: Any) -> Any:
        return self.runner.run(story)

    def ask(self, command: Command[Any]) -> Any:
        """The outcome, or the refusal's code."""

        async def story() -> Any:
            try:
                return await self.engine.submit(command)
            except ChuanliuError as error:
                assert error.code != "internal"
                return error.code

        return self.do(story())

    def reference(self) -> Reference:
        async def story() -> Reference:
            return await self.engine.ask(ReadReference())

        return self.do(story())

    def pick(self, among: list[Any], number: int) -> Any:
        return among[number % len(among)]

    # campaigns

    @precondition(lambda self: len(self.campaigns) < CAMPAIGNS_MAX)
    @rule(sponsors=st.lists(SPONSOR, min_size=1, max_size=4), whole=st.booleans(), terms=TERMS, number=NUMBER)
    def campaign(self, sponsors: list[Any], whole: bool, terms: CampaignTerms, number: int) -> None:
        weights = [weight for _, weight, _, _ in sponsors]
        most = 10_000 if whole else 6_000
        shares = [max(1, weight * most // sum(weights)) for weight in weights]
        shares[0] += most - sum(shares)
        assume(min(shares) >= 1)
        made = []
        for (kind, _, budget, cap), share in zip(sponsors, shares, strict=True):
            party = {"merchant": self.merchant, "bank": self.pick(sorted(self.lenders), number)}.get(kind)
            agreed_cap = None if cap is None else min(cap, budget)
            made.append(NewSponsor(kind, share, budget, name="S", party_id=party, cap_minor=agreed_cap))
        own = msgspec.structs.replace(terms, merchants=frozenset({self.merchant}))
        view = self.ask(new_campaign(made, own, stripes=1 + number % 5))
        self.ask(PublishCampaign(view.campaign_id))
        self.campaigns.append(view.campaign_id)

    @precondition(lambda self: self.campaigns)
    @rule(number=NUMBER, how=st.sampled_from((PauseCampaign, ResumeCampaign, ResumeCampaign, CountBudgets)))
    def tend_campaign(self, number: int, how: Any) -> None:
        self.ask(how(self.pick(self.campaigns, number)))

    @precondition(lambda self: len(self.campaigns) == CAMPAIGNS_MAX)
    @rule(number=NUMBER)
    def end_campaign(self, number: int) -> None:
        self.ask(CloseCampaign(self.campaigns.pop(number % CAMPAIGNS_MAX)))

    # quotes

    def made_quote(self, buyer: Buyer, amount: int, wish: Wish) -> QuoteView:
        basket = Basket(merchant_id=self.merchant, amount_minor=amount, wish=wish)
        return self.ask(MakeQuote(buyer.consumer_id, basket, now()))

    @rule(number=NUMBER, amount=AMOUNT, wish=WISHES)
    def quote(self, number: int, amount: int, wish: Wish) -> None:
        buyer = self.pick(self.buyers, number)
        self.quotes.append((buyer, self.made_quote(buyer, amount, wish)))

    @precondition(lambda self: self.quotes)
    @rule(number=NUMBER, position=NUMBER)
    def confirm(self, number: int, position: int) -> None:
        place = number % len(self.quotes)
        buyer, view = self.quotes[place]
        assume(view.offers)
        position %= len(view.offers)
        outcome = self.ask(ConfirmQuote(view.quote.quote_id, self.merchant, position))
        if isinstance(outcome, str):
            assert outcome in ("quote_used", "quote_expired", "quote_confirmed")
        elif outcome.confirmed:
            assert outcome.view.chosen == view.offers[position]
            self.quotes[place] = (buyer, outcome.view)
        else:
            assert outcome.reason in (
                "budget_exhausted",
                "campaign_limit_reached",
                "campaign_ended",
                "credit_line_insufficient",
            )
            self.next_best(buyer, view, outcome.view, view.offers[position])
            self.quotes.append((buyer, outcome.view))

    def next_best(self, buyer: Buyer, before: QuoteView, after: QuoteView, wanted: Offer) -> None:
        """The same means and numbers of instalments; what did not run dry is as it was.

        None is cheaper than it was, unless campaigns have begun since: then it is no cheaper than in a quote made now.
        """
        known = {place_of(offer): offer for offer in after.offers}
        anew = self.ask(MakeQuote(buyer.consumer_id, basket_in(before.quote.offers), now()))
        cost_now = {place_of(offer): offer.total_minor for offer in anew.offers}
        for offer in before.offers:
            again = known.pop(place_of(offer), None)
            if again is None or again == offer:
                continue
            assert not set(wanted.campaign_ids).isdisjoint(offer.campaign_ids)
            assert again.total_minor >= min(offer.total_minor, cost_now.get(place_of(offer), again.total_minor))
        assert not known

    @precondition(lambda self: self.quotes)
    @rule(number=NUMBER, in_time=st.booleans())
    def release(self, number: int, in_time: bool) -> None:
        _, view = self.pick(self.quotes, number)
        quote_id = view.quote.quote_id
        if not in_time:
            self.market.execute("UPDATE quote SET expires_at = now() WHERE quote_id = %s", quote_id)
        held = self.market.one("SELECT status FROM quote WHERE quote_id = %s", quote_id) == "confirmed"
        assert self.ask(ReleaseQuote(quote_id, self.merchant if in_time else None)) == held

    # paying

    def order(self, buyer: Buyer, amount: int, wish: Wish | None) -> Bought:
        asked = spec(self.merchant, amount, scene="qr", wish=wish_bytes(wish) if wish else None)
        bought = Bought(self.ask(CreateOrder(asked)), buyer)
        self.bought.append(bought)
        return bought

    def pay(self, bought: Bought, choice: Choice | None = None) -> Any:
        outcome = self.ask(PayOrder(bought.order.order_id, bought.buyer.consumer_id, choice, now()))
        payment = outcome.payment if isinstance(outcome, PayOutcome) else None
        if payment is not None and payment.payment_id not in bought.payments:
            bought.payments.append(payment.payment_id)
        self.touched.append(bought)
        return outcome

    @rule(number=NUMBER, amount=AMOUNT, wish=WISHES)
    def pay_by_wish(self, number: int, amount: int, wish: Wish) -> None:
        buyer = self.pick(self.buyers, number)
        offers = self.made_quote(buyer, amount, wish).offers
        outcome = self.pay(self.order(buyer, amount, wish))
        if not offers:
            assert isinstance(outcome, str)
        elif not isinstance(outcome, str) and outcome.plan is not None:
            assert outcome.result in ("paid", "in_progress")
            assert outcome.plan.principal_minor + outcome.plan.buyer_fee_minor >= offers[0].total_minor

    @precondition(lambda self: self.quotes)
    @rule(number=NUMBER, position=NUMBER)
    def pay_by_quote(self, number: int, position: int) -> None:
        buyer, view = self.pick(self.quotes, number)
        assume(view.offers)
        position = view.quote.choice if view.quote.choice is not None else position % len(view.offers)
        offer = view.offers[position]
        bought = self.order(buyer, offer.principal_minor, None)
        outcome = self.pay(bought, Choice(view.quote.quote_id, position))
        if isinstance(outcome, PayOutcome) and outcome.result != "refused":
            plan = outcome.plan
            assert (plan is not None) == offer.needs_plan
            if plan is not None:
                assert (plan.instalments, plan.fee_minor, plan.buyer_fee_minor, plan.sponsors, plan.subsidies) == (
                    offer.instalments,
                    offer.fee_minor,
                    offer.buyer_fee_minor,
                    tuple(share.sponsor_id for share in offer.shares),
                    tuple(share.amount_minor for share in offer.shares),
                )

    @precondition(lambda self: self.bought)
    @rule(number=NUMBER)
    def pay_again(self, number: int) -> None:
        self.pay(self.pick(self.bought, number))

    # banks

    def calls(self, status: str) -> list[Any]:
        numbers = [bought.order.order_id for bought in self.bought]
        sql = "SELECT call_id, kind, order_id FROM bank_call WHERE order_id = ANY(%s) AND (status = 'due') = %s"
        return self.mall.rows(f"{sql} ORDER BY call_id", numbers, status == "due")

    @precondition(lambda self: self.calls("due"))
    @rule(answers=st.lists(ANSWER, min_size=1, max_size=6))
    def bank_says(self, answers: list[Any]) -> None:
        for number, verdict, inquired, known in answers:
            due = self.calls("due")
            if not due:
                return
            call_id, kind, order_id = self.pick(due, number)
            asked = kind == "authorise" and inquired
            reason = "card_declined" if known or not asked else "bank_call_not_found"
            answer = RecordBankAnswer(call_id, verdict, None if verdict == "succeeded" else reason, inquired=asked)
            assert not isinstance(self.ask(answer), str)
            self.touched += [bought for bought in self.bought if bought.order.order_id == order_id]

    @rule(number=NUMBER, verdict=st.sampled_from(("succeeded", "refused", "unknown")))
    def bank_repeats_itself(self, number: int, verdict: Any) -> None:
        answered = self.calls("answered")
        assume(answered)
        call_id, _, order_id = self.pick(answered, number)
        self.ask(RecordBankAnswer(call_id, verdict))
        self.touched += [bought for bought in self.bought if bought.order.order_id == order_id]

    # afterwards

    @precondition(lambda self: self.bought)
    @rule(number=NUMBER, part=st.integers(1, 1_000), all_of_it=st.booleans())
    def refund(self, number: int, part: int, all_of_it: bool) -> None:
        bought = self.pick(self.bought, number)
        sql = "SELECT amount_minor - refunded_minor FROM orders WHERE order_id = %s"
        left = int(self.market.one(sql, bought.order.order_id))
        amount = left if all_of_it else max(1, bought.order.amount_minor * part // 1_000)
        asked = spec(self.merchant, 1, bought.order.out_trade_no)
        outcome = self.ask(RefundOrder(ref(asked), amount, f"r{len(self.touched)}-{number}-{part}-{amount}"))
        assert not isinstance(outcome, str) or outcome in (
            "invalid_amount",
            "order_status_invalid",
            "refund_exceeds_payment",
        )
        self.touched.append(bought)

    @precondition(lambda self: self.bought)
    @rule(number=NUMBER, amount=st.none() | st.integers(1, 20_000), months=st.integers(0, 3))
    def repay(self, number: int, amount: int | None, months: int) -> None:
        bought = self.pick(self.bought, number)
        sql = "SELECT plan_id FROM plan WHERE order_id = %s AND instalments >= %s"
        plans = self.mall.rows(sql, bought.order.order_id, months)
        assume(plans)
        (plan_id,) = plans[-1]
        if months:
            past = "UPDATE plan SET due_on = array_fill(20260101::bigint, ARRAY[%s]) || due_on[%s:] WHERE plan_id = %s"
            self.market.execute(past, months, months + 1, plan_id)
        self.ask(RepayPlan(plan_id, bought.buyer.consumer_id, amount))
        self.touched.append(bought)

    @precondition(lambda self: self.bought)
    @rule(number=NUMBER, command=st.sampled_from((CloseOrder, CancelOrder)))
    def end(self, number: int, command: Any) -> None:
        bought = self.pick(self.bought, number)
        asked = spec(self.merchant, 1, bought.order.out_trade_no)
        outcome = self.ask(command(ref(asked)))
        assert not isinstance(outcome, str) or (command is CloseOrder and outcome == "order_status_invalid")
        self.touched.append(bought)

    # what holds after every step

    @invariant()
    def money_sums_up(self) -> None:
        reference = self.reference() if self.touched else None
        while self.touched:
            assert reference is not None
            self.check(self.touched.pop(), reference)

    def check(self, bought: Bought, reference: Reference) -> None:
        moved = self.mall.moved(bought)
        assert sum(moved.values()) == 0
        assert not self.mall.charged_by_refunds(bought)
        sql = "SELECT status, paid_at, amount_minor, refunded_minor, payment_id FROM orders WHERE order_id = %s"
        ((status, paid_at, amount, refunded, payment_id),) = self.mall.rows(sql, bought.order.order_id)
        if paid_at is None:
            assert not moved
            return
        plan = self.mall.plan(payment_id)
        owners = by_owner(moved, bought.buyer.consumer_id, self.lenders)
        if plan is not None:
            for sponsor_id, subsidy in zip(plan.sponsors, plan.subsidies, strict=True):
                cap = self.market.one("SELECT cap_minor FROM sponsor WHERE sponsor_id = %s", sponsor_id)
                assert cap is None or subsidy <= cap
        if refunded < amount:
            assert status == "TRADE_SUCCESS"
            return
        assert status == "TRADE_CLOSED"
        kept: dict[int, int] = {}
        if plan is not None:
            source = bought.buyer.lines.get(plan.product_id, 0)
            kept = {one.account_id: one.amount_minor for one in kept_after_refund(reference, plan, source)}
            assert not kept or not plan.fee_refunded
        assert owners == by_owner(kept, bought.buyer.consumer_id, self.lenders)

    def teardown(self) -> None:
        sql = "SELECT sponsor_id, budget_minor FROM sponsor JOIN campaign c USING (campaign_id) WHERE c.owner_id = %s"
        for sponsor_id, budget in self.mall.rows(sql, PLATFORM):
            assert -budget <= self.market.balance(sponsor_id, Chart.SPONSOR_SUBSIDY) <= 0
        self.market.require_clean()


@pytest.fixture(scope="module")
def mall(database_url: str) -> Iterator[Mall]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield new_mall(Market(database_url, connection))


def run_machine(mall: Mall, examples: int, steps: int) -> None:
    limits = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
    with asyncio.Runner() as runner:
        manager = engines(mall.market.url)
        (engine,) = runner.run(manager.__aenter__())
        try:
            if mall.market.one("SELECT count(*) FROM lender") == 0:
                runner.run(open_mall(engine))
            members = {"market": mall.market, "mall": mall, "engine": engine, "runner": runner}
            run_state_machine_as_test(type("Instalments", (Instalments,), members), settings=limits)
        finally:
            runner.run(manager.__aexit__(None, None, None))


def test_instalments_sum_up_after_every_step(mall: Mall) -> None:
    run_machine(mall, examples=8, steps=30)


@pytest.mark.long
def test_instalments_sum_up_after_every_step_for_long(mall: Mall) -> None:
    run_machine(mall, examples=150, steps=60)
