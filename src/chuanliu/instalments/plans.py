"""The life of a plan on our books: begun with a payment, paid for by its sponsors, repaid, cut by refunds.

Money moves by these transfers, whose subject is the payment, the refund or the plan:

| kind | from | to |
|---|---|---|
| `plan_fee` | the consumer's credit used | lender's fee income |
| `subsidy` | sponsor | lender's fee income (own) or the bank's clearing account (external) |
| `plan_fee_refund`, `subsidy_refund` | the same, backwards | |
| `repayment` | the consumer's balance | credit used |
| `plan_fee_return` | lender's fee income | credit used: an early repayment spares fees not yet due |
| `credit_overpaid` | credit used | the consumer's balance: a refund of what was repaid already |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chuanliu.clock import Micros
from chuanliu.engine import Context, Keys, Reference, Rows
from chuanliu.ids import account_parts, cell_of_id
from chuanliu.instalments.offers import Offer, split_of
from chuanliu.instalments.reduction import reduce_instalments
from chuanliu.instalments.reserving import lock_plan_budgets
from chuanliu.instalments.tables import PLAN, PLAN_STATES, PLANS_OF_PAYMENT, Plan
from chuanliu.ledger import Chart, account_of, lock_account, post
from chuanliu.lenders import find_product, terms_of
from chuanliu.promotions import SPONSOR, claw_back


def lock_plan(keys: Keys, payment_id: int) -> None:
    """Ask for the plan of a payment, locked."""
    keys.look(PLANS_OF_PAYMENT, cell_of_id(payment_id), payment_id)


def plan_of(rows: Rows, payment_id: int) -> Plan | None:
    """The plan of a payment, if it has one."""
    return rows.one(PLANS_OF_PAYMENT, cell_of_id(payment_id), payment_id)


def sponsor_account(reference: Reference, sponsor_id: int, currency: str) -> int:
    """What pays a sponsor's share: its subsidy account, or a merchant's receivable.

    A merchant that bears the fee without a campaign is named by its own number.
    """
    found = reference.find(SPONSOR, "sponsor_id", sponsor_id)
    if not found:
        return account_of(sponsor_id, Chart.MERCHANT_RECEIVABLE, currency)
    (sponsor,) = found
    if sponsor.kind == "merchant" and sponsor.party_id is not None:
        return account_of(sponsor.party_id, Chart.MERCHANT_RECEIVABLE, currency)
    return account_of(sponsor_id, Chart.SPONSOR_SUBSIDY, currency)


def borne_by(reference: Reference, plan: Plan, account: int, amounts: Sequence[int]) -> int:
    """How much of amounts per sponsor, such as `plan.subsidies`, this account bears."""
    return sum(
        amount
        for sponsor_id, amount in zip(plan.sponsors, amounts, strict=True)
        if amount and sponsor_account(reference, sponsor_id, plan.currency) == account
    )


def fee_taker(plan: Plan) -> int:
    """The account that the lender's price goes to: its income, or for a bank's own product what we owe the bank."""
    chart = Chart.LENDER_FEE_INCOME if plan.funding == "own" else Chart.BANK_CLEARING
    return account_of(plan.lender_id, chart, plan.currency)


def new_plan(
    context: Context,
    offer: Offer,
    cell: int,
    payment_id: int,
    order_id: int,
    parties: tuple[int, int],
    reserved_at: Micros,
) -> Plan:
    """A pending plan of an offer; `parties` are consumer and merchant. Its row is not yet written."""
    product = find_product(context.reference, offer.product_id)
    if product is None:
        raise ValueError(f"offer of product {offer.product_id}, which is not there")
    terms = terms_of(product)
    principals, fees = split_of(offer)
    consumer_id, merchant_id = parties
    return Plan(
        cell,
        context.new_id(cell),
        payment_id,
        order_id,
        consumer_id,
        merchant_id,
        offer.lender_id,
        offer.product_id,
        offer.instrument_id,
        offer.funding,
        offer.currency,
        "pending",
        offer.instalments,
        offer.principal_minor,
        offer.fee_minor,
        offer.buyer_fee_minor,
        0,
        0,
        offer.due_on,
        principals,
        fees,
        (0,) * offer.instalments,
        offer.campaign_ids,
        tuple(share.sponsor_id for share in offer.shares),
        tuple(share.amount_minor for share in offer.shares),
        (0,) * len(offer.shares),
        tuple(int(share.waived) for share in offer.shares),
        tuple(share.cap_minor for share in offer.shares),
        terms.refund_policy,
        terms.fee_refunded,
        terms.early_repayment_fee_refunded,
        reserved_at,
        context.now,
        None,
    )


class Kept(NamedTuple):
    """What a full refund leaves on an account: what a party has borne (negative), or keeps."""

    party_id: int
    account_id: int
    amount_minor: int


def kept_after_refund(reference: Reference, plan: Plan, source: int) -> tuple[Kept, ...]:
    """What stays where it is when all goods of a plan are returned, by party; the amounts sum to zero.

    Empty where the fee comes back (`fee_refunded`). Else the lender keeps what is not given back of its price: the
    consumer's part on a plan of ours, on the line that is `source`, and what sponsors have paid. Of an external plan
    the consumer's part is between her and the bank, and what a bank waives never moved.
    """
    left: dict[int, int] = {}
    if plan.funding == "own":
        left[source] = plan.buyer_fee_returned_minor - plan.buyer_fee_minor
    for sponsor_id, paid, back, waived in zip(plan.sponsors, plan.subsidies, plan.returned, plan.waived, strict=True):
        if not waived:
            payer = sponsor_account(reference, sponsor_id, plan.currency)
            left[payer] = left.get(payer, 0) + back - paid
    taker = fee_taker(plan)
    left[taker] = left.get(taker, 0) - sum(left.values())
    return tuple(Kept(account_parts(account)[0], account, amount) for account, amount in left.items() if amount)


def moved_plan(plan: Plan, status: str) -> Plan:
    """The plan in its next state. Raises `ValueError` for an illegal move: that is a bug, never an answer."""
    if status not in PLAN_STATES[plan.status]:
        raise ValueError(f"no move of a plan from {plan.status} to {status}")
    return plan.changed(status=status)


def activate_plan(rows: Rows, context: Context, plan: Plan, source: int) -> Plan:
    """The payment has succeeded: charge fee and subsidies. `source` is the payer's side of the payment.

    Raises `Refused(balance_below_floor)` when the consumer's fee does not fit into the credit limit.
    """
    taker = fee_taker(plan)
    if plan.funding == "own" and plan.buyer_fee_minor:
        post(rows, context, plan.cell, source, taker, plan.buyer_fee_minor, "plan_fee", plan.payment_id)
    for sponsor_id, amount, waived in zip(plan.sponsors, plan.subsidies, plan.waived, strict=True):
        if amount and not waived:
            payer = sponsor_account(context.reference, sponsor_id, plan.currency)
            post(rows, context, plan.cell, payer, taker, amount, "subsidy", plan.payment_id)
    return moved_plan(plan, "active")


def void_plan(rows: Rows, context: Context, plan: Plan) -> Plan:
    """The payment came to nothing. The caller gives the budgets back."""
    after = moved_plan(plan, "void").changed(completed_at=context.now)
    rows.update(PLAN, after)
    return after


def lock_plan_refund(keys: Keys, reference: Reference, plan: Plan) -> None:
    """Ask for what a refund of a plan may touch besides the accounts of the payment's legs."""
    if plan.funding == "own":
        lock_account(keys, account_of(plan.consumer_id, Chart.CONSUMER_BALANCE, plan.currency))
    lock_plan_budgets(keys, reference, plan)


def refund_plan(
    rows: Rows, context: Context, plan: Plan, source: int, amount_minor: int, refund_id: int, today: int
) -> tuple[Plan, tuple[int, ...]]:
    """Cut a plan by a refund of principal, and give fee and subsidies back as its terms say.

    The principal itself has moved already: receivable to `source`. `today` is yyyymmdd. Returns the plan and what each
    sponsor got back now, which the caller returns to the budgets.
    """
    refunded = plan.refunded_minor + amount_minor
    increments: tuple[int, ...] = (0,) * len(plan.sponsors)
    fee_back = 0
    if plan.fee_refunded:
        total_back = sum(plan.subsidies) * refunded // plan.principal_minor
        increments = claw_back(plan.subsidies, plan.returned, total_back)
        # An early repayment may have given back more than this refund's share.
        fee_back = max(0, plan.buyer_fee_minor * refunded // plan.principal_minor - plan.buyer_fee_returned_minor)
    taker = fee_taker(plan)
    for sponsor_id, part, waived in zip(plan.sponsors, increments, plan.waived, strict=True):
        if part and not waived:
            payer = sponsor_account(context.reference, sponsor_id, plan.currency)
            post(rows, context, plan.cell, taker, payer, part, "subsidy_refund", refund_id)
    if plan.funding == "own" and fee_back:
        post(rows, context, plan.cell, taker, source, fee_back, "plan_fee_refund", refund_id)
    billed = sum(due <= today for due in plan.due_on)
    cut = reduce_instalments(
        plan.principals, plan.fees, plan.repaid, amount_minor, fee_back, plan.refund_policy, billed
    )
    if cut.overpaid_minor:
        balance = account_of(plan.consumer_id, Chart.CONSUMER_BALANCE, plan.currency)
        # A line that was closed after it was repaid is blocked, and yet holds what is the consumer's now.
        post(
            rows,
            context,
            plan.cell,
            source,
            balance,
            cut.overpaid_minor,
            "credit_overpaid",
            refund_id,
            from_blocked=True,
        )
    full = refunded == plan.principal_minor
    after = plan.changed(
        refunded_minor=refunded,
        buyer_fee_returned_minor=plan.buyer_fee_returned_minor + fee_back,
        principals=cut.principals,
        fees=cut.fees,
        repaid=cut.repaid,
        returned=tuple(a + b for a, b in zip(plan.returned, increments, strict=True)),
    )
    if full:
        after = moved_plan(after, "refunded").changed(completed_at=context.now)
    elif plan.funding == "own" and after.status == "active" and after.outstanding_minor == 0:
        after = moved_plan(after, "completed").changed(completed_at=context.now)
    rows.update(PLAN, after)
    return after, increments
