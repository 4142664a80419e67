"""`chuanliu consumer quote|plans|plan|repay`, and how `pay` chooses: what a consumer would do with instalments."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from chuanliu.cli.installation import number
from chuanliu.clock import Micros, business_date
from chuanliu.errors import Invalid, NotFound, Refused
from chuanliu.gateway import Services
from chuanliu.ids import order_id_of, trade_no
from chuanliu.instalments import (
    MEANS,
    Basket,
    Declined,
    FindPlan,
    FindPlans,
    MakeQuote,
    Offer,
    Plan,
    QuoteView,
    RepayPlan,
    means_of_offer,
    split_of,
)
from chuanliu.lenders import LENDER, find_product, lender_of
from chuanliu.money import format_amount, parse_amount
from chuanliu.parties import FindConsumer, ReadReference, find_merchant
from chuanliu.trade import Choice, FindOrderById, Order, basket_of

UserId = Annotated[str, typer.Argument(help="The consumer's number (2088…).", metavar="USER_ID")]
PlanId = Annotated[str, typer.Argument(help="As `plans` lists it.", metavar="PLAN_ID")]
_NUMBER_MAX = 2**63 - 1


def now() -> Micros:
    """The present."""
    return time.time_ns() // 1000


def number_of(text: str, field: str) -> int:
    """An id of ours from an argument. Raises `Invalid(invalid_parameter)` naming the field."""
    if not text.isascii() or not text.isdigit() or int(text) > _NUMBER_MAX:
        raise Invalid("invalid_parameter", f"{field} is a number of up to 19 digits", field=field)
    return int(text)


def order_id_in(text: str) -> int:
    """The order behind a trade number, or behind a QR code's text, which ends in one."""
    last = text.strip().partition("?")[0].rstrip("/").rpartition("/")[2]
    order_id = order_id_of(last)
    if order_id is None:
        raise Invalid("invalid_parameter", "no trade number of 28 digits is in that text", field="trade_no")
    return order_id


async def quote(
    services: Services,
    /,
    user_id: UserId,
    amount: Annotated[str | None, typer.Option("--amount", help="What is to be paid, CNY.")] = None,
    merchant: Annotated[str | None, typer.Option("--merchant", help="To whom (2088…).")] = None,
    trade_number: Annotated[str | None, typer.Option("--trade-no", help="Instead: the order to be paid.")] = None,
    not_offered: Annotated[
        bool, typer.Option("--not-offered", help="Print what is not offered, and why, instead.")
    ] = False,
) -> list[dict[str, Any]]:
    """Quote all ways in which a consumer can pay, cheapest first. `pay --quote ID --offer N` takes one of them."""
    payer_id = number(user_id, "user_id")
    if trade_number is not None:
        if amount is not None or merchant is not None:
            raise Invalid("invalid_parameter", "give either --trade-no, or --amount and --merchant")
        order = (await services.engine.ask(FindOrderById(order_id_in(trade_number)))).order
        view = await _quote_order(services, payer_id, order)
    else:
        if amount is None or merchant is None:
            raise Invalid("invalid_parameter", "give either --trade-no, or --amount and --merchant")
        basket = await _basket(services, parse_amount(amount), number(merchant, "merchant"))
        view = await services.engine.submit(MakeQuote(payer_id, basket, now()))
    if not_offered:
        return [_declined_row(services, declined) for declined in view.declined]
    return [_offer_row(services, view, place, offer) for place, offer in enumerate(view.offers, 1)]


async def _basket(services: Services, amount_minor: int, merchant_id: int) -> Basket:
    found = find_merchant(await services.engine.ask(ReadReference()), merchant_id)
    if found is None:
        raise NotFound("merchant_not_found")
    return Basket(merchant_id=merchant_id, category=found.category, amount_minor=amount_minor)


async def _quote_order(services: Services, payer_id: int, order: Order) -> QuoteView:
    basket = basket_of(services.engine.reference, order)
    return await services.engine.submit(MakeQuote(payer_id, basket, now(), order.order_id))


def _names(services: Services, product_id: int) -> dict[str, Any]:
    reference = services.engine.reference
    product = find_product(reference, product_id)
    if product is None:
        return {"lender": None, "product": None}
    return {"lender": lender_of(reference, product).name_zh, "product": product.code}


def _offer_row(services: Services, view: QuoteView, place: int, offer: Offer) -> dict[str, Any]:
    principals, fees = split_of(offer)
    currency = offer.currency
    return {
        "offer": place,
        "quote": str(view.quote.quote_id),
        "means": means_of_offer(services.engine.reference, offer),
        **_names(services, offer.product_id),
        "instrument": offer.masked or None,
        "instalments": offer.instalments,
        "first": format_amount(principals[0] + fees[0], currency),
        "last": format_amount(principals[-1] + fees[-1], currency),
        "fee": format_amount(offer.fee_minor, currency),
        "sponsored": format_amount(offer.fee_minor - offer.buyer_fee_minor, currency),
        "total": format_amount(offer.total_minor, currency),
        "annual_rate_pct": f"{offer.rate_ppm / 10_000:.4f}",
    }


def _declined_row(services: Services, declined: Declined) -> dict[str, Any]:
    return {
        **_names(services, declined.product_id),
        "instrument": declined.masked or None,
        "instalments": declined.instalments or None,
        "reason": declined.reason,
    }


async def choose(services: Services, payer_id: int, order: Order, instalments: int | None, means: str | None) -> Choice:
    """The cheapest offer for an order in so many instalments (1 in full) by these means.

    Raises `Refused` with the reason where there is none.
    """
    if means is not None and means not in MEANS:
        raise Invalid("invalid_parameter", f"--means is one of {', '.join(MEANS)}", field="means")
    count = instalments or 1
    view = await _quote_order(services, payer_id, order)
    reference = services.engine.reference
    for place, offer in enumerate(view.offers):
        if offer.instalments == count and means in (None, means_of_offer(reference, offer)):
            return Choice(view.quote.quote_id, place)
    reasons = {declined.reason for declined in view.declined if declined.instalments in (0, count)}
    # One reason that all of them share says more than that there is nothing.
    raise Refused(reasons.pop() if len(reasons) == 1 else "no_funding_method")


def plan_members(plan: Plan | None) -> dict[str, Any]:
    """The plan of a payment, for who has just paid by it."""
    if plan is None:
        return {}
    return {
        "plan_id": str(plan.plan_id),
        "instalments": plan.instalments,
        "fee": format_amount(plan.buyer_fee_minor, plan.currency),
        "sponsored": format_amount(sum(plan.subsidies), plan.currency),
    }


def _next_due(plan: Plan) -> int | None:
    """The date, as yyyymmdd, on which something of a plan in our books is due next; overdue ones count."""
    parts = zip(plan.due_on, plan.principals, plan.fees, plan.repaid, strict=True)
    return next((due for due, principal, fee, repaid in parts if principal + fee > repaid), None)


def _day(yyyymmdd: int | None) -> str | None:
    text = str(yyyymmdd)
    return None if yyyymmdd is None else f"{text[:4]}-{text[4:6]}-{text[6:]}"


async def list_plans(services: Services, /, user_id: UserId) -> list[dict[str, Any]]:
    """List a consumer's instalment plans. Of a bank's own plan its bill says what is still to be paid."""
    consumer_id = number(user_id, "user_id")
    await services.engine.ask(FindConsumer(consumer_id))
    plans = await services.engine.ask(FindPlans(consumer_id))
    reference = services.engine.reference
    rows = []
    for plan in plans:
        lenders = reference.find(LENDER, "lender_id", plan.lender_id)
        own = plan.funding == "own" and plan.status in ("active", "completed")
        rows.append(
            {
                "plan_id": str(plan.plan_id),
                "trade_no": trade_no(plan.order_id),
                "lender": lenders[0].name_zh if lenders else None,
                "status": plan.status,
                "instalments": plan.instalments,
                "principal": format_amount(plan.principal_minor, plan.currency),
                "fee": format_amount(plan.buyer_fee_minor, plan.currency),
                "outstanding": format_amount(plan.outstanding_minor, plan.currency) if own else None,
                "next_due": _day(_next_due(plan)) if own else None,
            }
        )
    return rows


async def show_plan(services: Services, /, user_id: UserId, plan_id: PlanId) -> list[dict[str, Any]]:
    """List the instalments of a plan, with what is repaid of each on our books."""
    plan = await services.engine.ask(FindPlan(number_of(plan_id, "plan_id"), consumer_id=number(user_id, "user_id")))
    today = business_date(now())
    parts = zip(plan.due_on, plan.principals, plan.fees, plan.repaid, strict=True)
    return [
        {
            "number": place,
            "due_on": _day(due),
            "principal": format_amount(principal, plan.currency),
            "fee": format_amount(fee, plan.currency),
            "repaid": format_amount(repaid, plan.currency) if plan.funding == "own" else None,
            "overdue": plan.funding == "own" and repaid < principal + fee and due < int(f"{today:%Y%m%d}"),
        }
        for place, (due, principal, fee, repaid) in enumerate(parts, 1)
    ]


async def repay(
    services: Services,
    /,
    user_id: UserId,
    plan_id: PlanId,
    amount: Annotated[
        str | None, typer.Option("--amount", help="How much, oldest instalment first; all of it without.")
    ] = None,
) -> dict[str, Any]:
    """Repay a plan in our books from the balance. All at once spares the fee not yet due, where the terms say so."""
    amount_minor = None if amount is None else parse_amount(amount)
    done = await services.engine.submit(
        RepayPlan(number_of(plan_id, "plan_id"), number(user_id, "user_id"), amount_minor)
    )
    currency = done.plan.currency
    return {
        "plan_id": plan_id,
        "status": done.plan.status,
        "paid": format_amount(done.paid_minor, currency),
        "spared": format_amount(done.spared_minor, currency),
        "outstanding": format_amount(done.plan.outstanding_minor, currency),
    }
