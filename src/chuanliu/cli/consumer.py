"""`chuanliu consumer`: sandbox consumers, and what they would do with a wallet app in their hand."""

from __future__ import annotations

import asyncio
import secrets
from functools import partial
from typing import Annotated, Any

import typer

from chuanliu.cli import consumer_instalments as instalments
from chuanliu.cli import consumer_instruments as instruments
from chuanliu.cli.consumer_instalments import number_of, order_id_in
from chuanliu.cli.installation import Failed, command, number, require_sandbox
from chuanliu.clock import SECOND, iso_text
from chuanliu.errors import Invalid, Refused
from chuanliu.gateway import Services
from chuanliu.ids import trade_no
from chuanliu.ledger import Chart, account_of
from chuanliu.money import format_amount, parse_amount
from chuanliu.parties import (
    CODES_MAX,
    CONFIRM_ABOVE_DEFAULT_MINOR,
    SALT_RANDOMNESS,
    AddConsumer,
    ChangeConsumer,
    FindConsumer,
    MintCodes,
    TopUp,
    hash_pay_password,
    payment_code_number,
    require_pay_password,
)
from chuanliu.trade import REFUSED, Choice, ConfirmPayment, FindOrderById, Order, PayOrder, PayOutcome

app = typer.Typer(no_args_is_help=True, help="Sandbox consumers and their wallets.")

UserId = Annotated[str, typer.Argument(help="The consumer's number (2088…).", metavar="USER_ID")]
_STATEMENT_LINES = 20


def _outcome_members(outcome: PayOutcome) -> dict[str, Any]:
    order = outcome.order
    return {
        "result": outcome.result,
        "trade_no": trade_no(order.order_id),
        "out_trade_no": order.out_trade_no,
        "trade_status": order.status,
        "total_amount": format_amount(order.amount_minor, order.currency),
        "reason": outcome.reason,
        **instalments.plan_members(outcome.plan),
    }


@command(app, "add")
async def add_consumer(
    services: Services,
    /,
    balance: Annotated[str, typer.Option("--balance", help="Money to begin with, CNY.")] = "1000.00",
    confirm_above: Annotated[
        str | None, typer.Option("--confirm-above", help="Payments by code above this wait for a confirmation, CNY.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The consumer's name.")] = "沙箱用户",
    pay_password: Annotated[
        str | None, typer.Option("--pay-password", help="Six digits; made up when it is not given.")
    ] = None,
) -> dict[str, Any]:
    """Add a consumer with a balance from the sandbox's funding account, and print user number and pay password."""
    balance_minor = parse_amount(balance, field="balance", at_least_minor=0)
    confirm_minor = CONFIRM_ABOVE_DEFAULT_MINOR
    if confirm_above is not None:
        confirm_minor = parse_amount(confirm_above, field="confirm_above", at_least_minor=0)
    password = f"{secrets.randbelow(10**6):06d}" if pay_password is None else require_pay_password(pay_password)
    require_sandbox(services)
    hashed = await asyncio.to_thread(hash_pay_password, password, secrets.token_bytes(SALT_RANDOMNESS))
    consumer = await services.engine.submit(AddConsumer(name, hashed, balance_minor, confirm_minor))
    return {
        "user_id": str(consumer.consumer_id),
        "pay_password": password,
        "balance": format_amount(balance_minor),
    }


@command(app, "code")
async def show_code(
    services: Services,
    /,
    user_id: UserId,
    valid: Annotated[
        int, typer.Option("--valid", min=1, max=86_400, help="Seconds; more than 60 only in the sandbox.")
    ] = 60,
    count: Annotated[int, typer.Option("--count", min=1, max=CODES_MAX, help="How many codes.")] = 1,
) -> dict[str, Any]:
    """Print a fresh payment code, as the wallet shows it at a till."""
    if valid > 60:
        require_sandbox(services)
    numbers: set[int] = set()
    while len(numbers) < count:
        numbers.add(payment_code_number(secrets.randbelow(10**16)))
    minted = await services.engine.submit(MintCodes(number(user_id, "user_id"), tuple(numbers), valid * SECOND))
    codes = [str(code.code) for code in minted]
    members: dict[str, Any] = {"auth_code": codes[0], "expires_at": iso_text(minted[0].expires_at)}
    return members if count == 1 else {**members, "auth_codes": codes}


@command(app, "pay")
async def pay(
    services: Services,
    /,
    user_id: UserId,
    qr: Annotated[str | None, typer.Option("--qr", help="The text of a QR code.")] = None,
    order_string: Annotated[
        str | None, typer.Option("--order-string", help="What a merchant's app hands to the wallet.")
    ] = None,
    trade_number: Annotated[str | None, typer.Option("--trade-no", help="The trade number of an order.")] = None,
    quote: Annotated[str | None, typer.Option("--quote", help="A quote, as `quote` prints it.")] = None,
    offer: Annotated[
        int | None, typer.Option("--offer", min=1, help="Which offer of the quote; the confirmed one without.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--instalments", min=1, help="By the cheapest offer with so many; 1 in full.")
    ] = None,
    means: Annotated[
        str | None, typer.Option("--means", help="By these: balance, credit_line, bank_credit_pay, credit_card, …")
    ] = None,
) -> dict[str, Any] | Failed:
    """Pay an order by its QR code, its order string, or its trade number: from the balance, or as its merchant wishes.

    By an offer of a quote, or the cheapest for --instalments and --means, as the consumer chooses. Status 1 when
    refused; `in_progress` while a bank has not answered.
    """
    if sum(given is not None for given in (qr, order_string, trade_number)) != 1:
        raise Invalid("invalid_parameter", "give one of --qr, --order-string and --trade-no")
    payer_id = number(user_id, "user_id")
    await services.engine.ask(FindConsumer(payer_id))
    choose = partial(_chosen, services, payer_id, quote=quote, offer=offer, count=count, means=means)
    if order_string is not None:
        from chuanliu.gateway.alipay_routes import pay_order_string  # noqa: PLC0415 - a dialect is slow to import

        outcome = await pay_order_string(services, payer_id, order_string, choose)
    else:
        order = (await services.engine.ask(FindOrderById(order_id_in(qr or trade_number or "")))).order
        pay = PayOrder(order.order_id, payer_id, await choose(order), instalments.now())
        outcome = await services.banks.settle(await services.engine.submit(pay))
    members = _outcome_members(outcome)
    return Failed(members) if outcome.result == REFUSED else members


async def _chosen(
    services: Services,
    payer_id: int,
    order: Order,
    *,
    quote: str | None,
    offer: int | None,
    count: int | None,
    means: str | None,
) -> Choice | None:
    """What the options of `pay` choose for an order; None without any of them."""
    if quote is not None:
        if count is not None or means is not None:
            raise Invalid("invalid_parameter", "give either --quote, or --instalments and --means")
        return Choice(number_of(quote, "quote"), None if offer is None else offer - 1)
    if offer is not None:
        raise Invalid("invalid_parameter", "an offer is one of a quote: give --quote too", field="quote")
    # What is paid already is answered as it was.
    if (count is None and means is None) or order.status != "WAIT_BUYER_PAY":
        return None
    return await instalments.choose(services, payer_id, order, count, means)


@command(app, "confirm")
async def confirm(
    services: Services,
    /,
    user_id: UserId,
    trade_number: Annotated[str, typer.Option("--trade-no", help="The trade number of the order.")],
    refuse: Annotated[bool, typer.Option("--refuse", help="Say no instead.")] = False,
) -> dict[str, Any] | Failed:
    """Confirm, or refuse, a payment that waits for its payer. Status 1 when the payment then fails."""
    view = await services.engine.ask(FindOrderById(order_id_in(trade_number)))
    if view.payment is None:
        raise Refused("payment_not_found")
    answer = ConfirmPayment(
        view.payment.payment_id, number(user_id, "user_id"), agreed=not refuse, asked_at=instalments.now()
    )
    outcome = await services.banks.settle(await services.engine.submit(answer))
    members = _outcome_members(outcome)
    return Failed(members) if outcome.result == REFUSED and not refuse else members


@command(app, "show")
async def show_consumer(services: Services, /, user_id: UserId) -> dict[str, Any]:
    """Show a consumer with the balance and the latest lines of the statement."""
    from chuanliu.ledger import statement_store  # noqa: PLC0415 - the only command that needs it

    view = await services.engine.ask(FindConsumer(number(user_id, "user_id")))
    account = account_of(view.consumer.consumer_id, Chart.CONSUMER_BALANCE, "CNY")
    entries = view.account.entry_count if view.account is not None else 0
    async with services.reads.connection() as connection:
        statement = await statement_store.read_statement(
            connection, account, after_seq=max(0, entries - _STATEMENT_LINES), limit=_STATEMENT_LINES
        )
    return {
        "user_id": user_id,
        "name": view.consumer.name,
        "status": view.consumer.status,
        "balance": format_amount(statement.balance_minor if statement is not None else 0),
        "confirm_above": format_amount(view.consumer.confirm_above_minor),
        "statement": [
            {
                "seq": line.seq,
                "at": iso_text(line.posted_at),
                "kind": line.kind,
                "amount": format_amount(line.amount_minor),
                "balance": format_amount(line.balance_minor),
            }
            for line in (statement.lines if statement is not None else [])
        ],
    }


@command(app, "top-up")
async def top_up(
    services: Services, /, user_id: UserId, amount: Annotated[str, typer.Argument(help="CNY.")]
) -> dict[str, Any]:
    """Put sandbox money on a consumer's balance."""
    amount_minor = parse_amount(amount)
    require_sandbox(services)
    balance = await services.engine.submit(TopUp(number(user_id, "user_id"), amount_minor))
    return {"user_id": user_id, "balance": format_amount(balance)}


async def _set_blocked(services: Services, user_id: str, *, blocked: bool) -> dict[str, Any]:
    consumer = await services.engine.submit(ChangeConsumer(number(user_id, "user_id"), blocked=blocked))
    return {"user_id": str(consumer.consumer_id), "status": consumer.status}


@command(app, "block")
async def block_consumer(services: Services, /, user_id: UserId) -> dict[str, Any]:
    """Shut a consumer's wallet: nothing leaves it until it is unblocked; refunds still arrive."""
    return await _set_blocked(services, user_id, blocked=True)


@command(app, "unblock")
async def unblock_consumer(services: Services, /, user_id: UserId) -> dict[str, Any]:
    """Open a blocked consumer's wallet again."""
    return await _set_blocked(services, user_id, blocked=False)


command(app, "link-card")(instruments.link_card)
command(app, "open-line")(instruments.open_line)
command(app, "instruments", rows="instruments")(instruments.list_instruments)
command(app, "close")(instruments.close_instrument)
command(app, "quote", rows="offers")(instalments.quote)
command(app, "plans", rows="plans")(instalments.list_plans)
command(app, "plan", rows="instalments")(instalments.show_plan)
command(app, "repay")(instalments.repay)
