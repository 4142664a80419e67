"""The wallet's side of app.pay: a consumer opens the order string that a merchant's app handed over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from chuanliu.clock import wall_text
from chuanliu.errors import Invalid, Refused, Unauthenticated
from chuanliu.gateway.alipay.answers import GatewayRefused
from chuanliu.gateway.alipay.biz_content import CashierRequest, read_biz_content
from chuanliu.gateway.alipay.forms import app_pay_result
from chuanliu.gateway.alipay.members import app_pay_members
from chuanliu.gateway.alipay.opening import OpenedRequest, open_request
from chuanliu.gateway.alipay.operations import APP_PAY, cashier_order
from chuanliu.gateway.alipay.ordering import details_of
from chuanliu.gateway.alipay.parameters import parse_order_string
from chuanliu.gateway.alipay_routes.operation_routes import app_of, caller_of, in_signer, now_micros, signing_key_of_app
from chuanliu.gateway.composition import Services
from chuanliu.parties import find_app_keys
from chuanliu.trade import Choice, CreateOrder, FindOrder, Order, PayOrder, PayOutcome

_SIGNATURE_CODES = frozenset({"isv.invalid-signature", "isv.missing-signature", "isv.missing-signature-config"})


async def pay_order_string(
    services: Services, user_id: int, text: str, choose: Callable[[Order], Awaitable[Choice | None]] | None = None
) -> PayOutcome:
    """Verify an order string as the gateway verifies a request, make its order, and pay it as the order wishes, or by
    what the user chooses for it.

    The same user paying again gets the first outcome. Raises `Unauthenticated(signature_invalid)`,
    `Invalid(invalid_parameter)` with the gateway's own words, and what creating and paying an order raise.
    """
    command = _order_command(services, text)
    engine = services.engine
    try:
        order = await engine.submit(command)
    except Refused as refusal:
        if refusal.code != "order_already_paid":
            raise
        order = (await engine.ask(FindOrder(command.spec.ref))).order
    choice = await choose(order) if choose is not None else None
    paid = await engine.submit(PayOrder(order.order_id, user_id, choice, now_micros()))
    return await services.banks.settle(paid)


async def result_for_app(services: Services, order: Order) -> str:
    """The signed `result` text that the wallet hands back to the merchant's app once the order is paid."""
    key = signing_key_of_app(services, app_of(services, str(order.app_id)))
    members = app_pay_members(order, wall_text(now_micros()))
    sign_type = details_of(order.details).sign_type
    return await in_signer(services, partial(app_pay_result, members, key.private_key, sign_type))


def _order_command(services: Services, text: str) -> CreateOrder:
    opened = _opened(services, text)
    app = app_of(services, opened.app.app_id)
    biz = read_biz_content(opened.method, opened.biz_content)
    if app is None or not isinstance(biz, CashierRequest):
        raise Refused("app_not_found")
    caller = caller_of(app, opened.sign_type, opened.notify_url, opened.return_url)
    return cashier_order(opened.method, biz, caller, now_micros())


def _opened(services: Services, text: str) -> OpenedRequest:
    now = now_micros()
    reference = services.engine.reference
    try:
        return open_request(
            parse_order_string(text),
            methods=(APP_PAY,),
            find_app=lambda app_id: find_app_keys(reference, services.vault, app_id, now),
            now=now,
        )
    except GatewayRefused as refusal:
        answer = refusal.answer
        if answer.sub_code in _SIGNATURE_CODES:
            raise Unauthenticated("signature_invalid", answer.sub_msg) from None
        raise Invalid("invalid_parameter", f"{answer.sub_code}: {answer.sub_msg}", field="order_string") from None
