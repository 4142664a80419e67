"""A shop where something of everything has happened: plans of both kinds, in every state, with their bank calls."""

from __future__ import annotations

from chuanliu.engine import Engine
from chuanliu.instalments import ConfirmQuote, RepayPlan, Wish
from chuanliu.promotions import CampaignTerms, NewSponsor
from chuanliu.trade import CloseOrder, PayOutcome, RecordBankAnswer, RefundOrder
from instalments.shop import Shop
from trade.market import ref, spec

LINE_WISH = Wish(allowed=("credit_line",), instalments=3)
CARD_WISH = Wish(allowed=("credit_card",), instalments=6)


def call_of(paid: PayOutcome) -> int:
    """The authorisation that a payment waits for."""
    assert paid.pending is not None
    return paid.pending.call.call_id


async def answer_due(engine: Engine, shop: Shop, verdict: str = "succeeded") -> None:
    """Let the bank say the same to every due completion, refund and reversal."""
    rows = shop.market.connection.execute(
        "SELECT call_id FROM bank_call WHERE status = 'due' AND kind <> 'authorise' ORDER BY call_id"
    ).fetchall()
    for (call_id,) in rows:
        await engine.submit(RecordBankAnswer(call_id, verdict))  # type: ignore[arg-type]


async def refund(engine: Engine, shop: Shop, paid: PayOutcome, amount_minor: int, request_no: str) -> None:
    """Refund part of a payment."""
    asked = spec(shop.merchant, 1, paid.order.out_trade_no)
    await engine.submit(RefundOrder(ref(asked), amount_minor, request_no))


async def make_busy(engine: Engine, shop: Shop) -> None:
    """Pay, repay, refund, refuse and close; a quote stays confirmed and a call under way."""
    await shop.campaign(
        engine,
        NewSponsor("platform", 5_000, 1_000_00, cap_minor=20_00),
        NewSponsor("merchant", 2_000, 1_000_00, party_id=shop.merchant),
        NewSponsor("brand", 1_000, 1_000_00, name="Tea"),
        terms=CampaignTerms(instalments=frozenset({3, 6})),
    )
    buyer = await shop.consumer(engine, 10_000_00)
    await shop.card(engine, buyer)
    await _use_the_line(engine, shop, buyer)
    await _use_the_card(engine, shop, buyer)
    quote = await shop.quote(engine, buyer, 1_000_00)
    position = next(place for place, offer in enumerate(quote.offers) if offer.shares)
    assert (await engine.submit(ConfirmQuote(quote.quote.quote_id, shop.merchant, position))).confirmed


async def _use_the_line(engine: Engine, shop: Shop, buyer: int) -> None:
    plans = [await shop.pay(engine, await shop.order(engine, 1_000_00, LINE_WISH), buyer) for _ in range(5)]
    await refund(engine, shop, plans[1], 400_00, "part")
    await refund(engine, shop, plans[2], 1_000_00, "all")
    assert plans[3].plan is not None
    assert plans[4].plan is not None
    await engine.submit(RepayPlan(plans[3].plan.plan_id, buyer, 100_00))
    await engine.submit(RepayPlan(plans[4].plan.plan_id, buyer))
    await refund(engine, shop, plans[4], 300_00, "part")


async def _use_the_card(engine: Engine, shop: Shop, buyer: int) -> None:
    orders = [await shop.order(engine, 900_00, CARD_WISH) for _ in range(6)]
    paid = [await shop.pay(engine, order, buyer) for order in orders]
    for one in paid[:3]:
        await engine.submit(RecordBankAnswer(call_of(one), "succeeded"))
    await answer_due(engine, shop)
    await refund(engine, shop, paid[1], 300_00, "part")
    await answer_due(engine, shop)
    await refund(engine, shop, paid[1], 300_00, "more")
    await answer_due(engine, shop, "refused")
    await engine.submit(RecordBankAnswer(call_of(paid[3]), "refused", "card_declined"))
    closed = spec(shop.merchant, 1, orders[4].out_trade_no)
    await engine.submit(CloseOrder(ref(closed)))
    await engine.submit(RecordBankAnswer(call_of(paid[4]), "succeeded"))
    await answer_due(engine, shop)
