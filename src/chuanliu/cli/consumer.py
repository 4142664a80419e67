"""`chuanliu consumer`: sandbox consumers, and what they would do with a wallet app in their hand."""

from __future__ import annotations

import asyncio
import secrets
from typing import Annotated, Any

import typer

from chuanliu.cli.installation import Data, DatabaseUrl, Json, number, require_sandbox, run, show
from chuanliu.clock import SECOND, iso_text
from chuanliu.errors import Invalid, Refused
from chuanliu.gateway import Services
from chuanliu.ids import order_id_of, trade_no
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
from chuanliu.trade import REFUSED, ConfirmPayment, FindOrderById, PayOrder, PayOutcome

app = typer.Typer(no_args_is_help=True, help="Sandbox consumers and their wallets.")

UserId = Annotated[str, typer.Argument(help="The consumer's number (2088…).", metavar="USER_ID")]
_STATEMENT_LINES = 20


def _order_id(text: str) -> int:
    """The order behind a trade number, or behind a QR code's text, which ends in one."""
    last = text.strip().partition("?")[0].rstrip("/").rpartition("/")[2]
    order_id = order_id_of(last)
    if order_id is None:
        raise Invalid("invalid_parameter", "no trade number of 28 digits is in that text", field="trade_no")
    return order_id


def _outcome_members(outcome: PayOutcome) -> dict[str, Any]:
    order = outcome.order
    return {
        "result": outcome.result,
        "trade_no": trade_no(order.order_id),
        "out_trade_no": order.out_trade_no,
        "trade_status": order.status,
        "total_amount": format_amount(order.amount_minor, order.currency),
        "reason": outcome.reason,
    }


@app.command("add")
def add_consumer(
    balance: Annotated[str, typer.Option("--balance", help="Money to begin with, CNY.")] = "1000.00",
    confirm_above: Annotated[
        str | None, typer.Option("--confirm-above", help="Payments by code above this wait for a confirmation, CNY.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The consumer's name.")] = "沙箱用户",
    pay_password: Annotated[
        str | None, typer.Option("--pay-password", help="Six digits; made up when it is not given.")
    ] = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Add a consumer with a balance from the sandbox's funding account, and print user number and pay password."""
    balance_minor = parse_amount(balance, field="balance", at_least_minor=0)
    confirm_minor = CONFIRM_ABOVE_DEFAULT_MINOR
    if confirm_above is not None:
        confirm_minor = parse_amount(confirm_above, field="confirm_above", at_least_minor=0)
    password = f"{secrets.randbelow(10**6):06d}" if pay_password is None else require_pay_password(pay_password)

    async def act(services: Services) -> dict[str, Any]:
        require_sandbox(services)
        hashed = await asyncio.to_thread(hash_pay_password, password, secrets.token_bytes(SALT_RANDOMNESS))
        consumer = await services.engine.submit(AddConsumer(name, hashed, balance_minor, confirm_minor))
        return {
            "user_id": str(consumer.consumer_id),
            "pay_password": password,
            "balance": format_amount(balance_minor),
        }

    show(run(data, database_url, act), as_json=as_json)


@app.command("code")
def show_code(
    user_id: UserId,
    valid: Annotated[
        int, typer.Option("--valid", min=1, max=86_400, help="Seconds; more than 60 only in the sandbox.")
    ] = 60,
    count: Annotated[int, typer.Option("--count", min=1, max=CODES_MAX, help="How many codes.")] = 1,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Print a fresh payment code, as the wallet shows it at a till."""

    async def act(services: Services) -> dict[str, Any]:
        if valid > 60:
            require_sandbox(services)
        numbers: set[int] = set()
        while len(numbers) < count:
            numbers.add(payment_code_number(secrets.randbelow(10**16)))
        minted = await services.engine.submit(MintCodes(number(user_id, "user_id"), tuple(numbers), valid * SECOND))
        codes = [str(code.code) for code in minted]
        members: dict[str, Any] = {"auth_code": codes[0], "expires_at": iso_text(minted[0].expires_at)}
        return members if count == 1 else {**members, "auth_codes": codes}

    show(run(data, database_url, act), as_json=as_json)


@app.command("pay")
def pay(
    user_id: UserId,
    qr: Annotated[str | None, typer.Option("--qr", help="The text of a QR code.")] = None,
    order_string: Annotated[
        str | None, typer.Option("--order-string", help="What a merchant's app hands to the wallet.")
    ] = None,
    trade_number: Annotated[str | None, typer.Option("--trade-no", help="The trade number of an order.")] = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Pay an order from the balance: by its QR code, its order string, or its trade number. Status 1 when refused."""
    if sum(given is not None for given in (qr, order_string, trade_number)) != 1:
        raise Invalid("invalid_parameter", "give one of --qr, --order-string and --trade-no")

    async def act(services: Services) -> PayOutcome:
        payer_id = number(user_id, "user_id")
        await services.engine.ask(FindConsumer(payer_id))
        if order_string is not None:
            from chuanliu.gateway.alipay_routes import pay_order_string  # noqa: PLC0415 - a dialect is slow to import

            return await pay_order_string(services, payer_id, order_string)
        return await services.engine.submit(PayOrder(_order_id(qr or trade_number or ""), payer_id))

    _show_outcome(run(data, database_url, act), as_json=as_json)


@app.command("confirm")
def confirm(
    user_id: UserId,
    trade_number: Annotated[str, typer.Option("--trade-no", help="The trade number of the order.")],
    refuse: Annotated[bool, typer.Option("--refuse", help="Say no instead.")] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Confirm, or refuse, a payment that waits for its payer. Status 1 when the payment then fails."""

    async def act(services: Services) -> PayOutcome:
        view = await services.engine.ask(FindOrderById(_order_id(trade_number)))
        if view.payment is None:
            raise Refused("payment_not_found")
        answer = ConfirmPayment(view.payment.payment_id, number(user_id, "user_id"), agreed=not refuse)
        return await services.engine.submit(answer)

    outcome = run(data, database_url, act)
    show(_outcome_members(outcome), as_json=as_json)
    if outcome.result == REFUSED and not refuse:
        raise typer.Exit(1)


def _show_outcome(outcome: PayOutcome, *, as_json: bool) -> None:
    show(_outcome_members(outcome), as_json=as_json)
    if outcome.result == REFUSED:
        raise typer.Exit(1)


@app.command("show")
def show_consumer(user_id: UserId, data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Show a consumer with the balance and the latest lines of the statement."""

    async def act(services: Services) -> dict[str, Any]:
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

    show(run(data, database_url, act), as_json=as_json)


@app.command("top-up")
def top_up(
    user_id: UserId,
    amount: Annotated[str, typer.Argument(help="CNY.")],
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Put sandbox money on a consumer's balance."""
    amount_minor = parse_amount(amount)

    async def act(services: Services) -> dict[str, Any]:
        require_sandbox(services)
        balance = await services.engine.submit(TopUp(number(user_id, "user_id"), amount_minor))
        return {"user_id": user_id, "balance": format_amount(balance)}

    show(run(data, database_url, act), as_json=as_json)


def _set_blocked(user_id: str, *, blocked: bool) -> ChangeConsumer:
    return ChangeConsumer(number(user_id, "user_id"), blocked=blocked)


@app.command("block")
def block_consumer(user_id: UserId, data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Shut a consumer's wallet: nothing leaves it until it is unblocked; refunds still arrive."""
    _change(_set_blocked(user_id, blocked=True), data, database_url, as_json=as_json)


@app.command("unblock")
def unblock_consumer(
    user_id: UserId, data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False
) -> None:
    """Open a blocked consumer's wallet again."""
    _change(_set_blocked(user_id, blocked=False), data, database_url, as_json=as_json)


def _change(command: ChangeConsumer, data: Any, database_url: str | None, *, as_json: bool) -> None:
    async def act(services: Services) -> dict[str, Any]:
        consumer = await services.engine.submit(command)
        return {"user_id": str(consumer.consumer_id), "status": consumer.status}

    show(run(data, database_url, act), as_json=as_json)
