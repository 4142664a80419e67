"""page.pay and wap.pay: a browser arrives with the merchant's signed request and is sent on to the cashier."""

from __future__ import annotations

import secrets
from typing import Final

import structlog

from chuanliu.clock import Micros
from chuanliu.errors import ChuanliuError
from chuanliu.gateway.alipay.answers import Answer, GatewayRefused
from chuanliu.gateway.alipay.biz_content import CashierRequest, read_biz_content
from chuanliu.gateway.alipay.forms import check_return_url
from chuanliu.gateway.alipay.opening import OpenedRequest
from chuanliu.gateway.alipay.operations import cashier_order
from chuanliu.gateway.alipay_routes.operation_routes import caller_of
from chuanliu.gateway.composition import Services
from chuanliu.ids import trade_no
from chuanliu.parties import App
from chuanliu.serving import Request, Response, status_of
from chuanliu.web import ErrorView, choose_language, render_error

log = structlog.get_logger(__name__)

_CODES: Final = {
    "isv.invalid-signature": "signature_invalid",
    "isv.missing-signature": "signature_invalid",
    "isv.missing-signature-config": "signature_invalid",
    "isv.invalid-app-id": "app_not_found",
    "isv.missing-app-id": "app_not_found",
    "isv.invalid-method": "route_not_found",
}


async def open_cashier(services: Services, request: Request, app: App, opened: OpenedRequest, now: Micros) -> Response:
    """Make the order, or find it under its number, and redirect to its cashier; what is refused shows a page."""
    try:
        if opened.return_url is not None:
            check_return_url(opened.return_url)
        biz = read_biz_content(opened.method, opened.biz_content)
        assert isinstance(biz, CashierRequest)
        caller = caller_of(app, opened.sign_type, opened.notify_url, opened.return_url)
        order = await services.engine.submit(cashier_order(opened.method, biz, caller, now))
    except GatewayRefused as refusal:
        return refused_page(request, refusal.answer)
    except ChuanliuError as error:
        return error_page(request, status_of(error), error.code)
    except Exception:
        trace_id = secrets.token_hex(8)
        log.exception("a page request failed in an unforeseen way", trace_id=trace_id)
        return error_page(request, 500, "internal", trace_id)
    return Response.redirect(f"{services.public_url}/cashier/{trade_no(order.order_id)}", 302)


def refused_page(request: Request, answer: Answer) -> Response:
    """The page for a request that the gateway refuses. Developers read the sub_code where payers read a reference."""
    sub_code = answer.sub_code or ""
    return error_page(request, 400, _CODES.get(sub_code, "invalid_parameter"), sub_code)


def error_page(request: Request, status: int, code: str, trace_id: str = "") -> Response:
    """An error as a person meets it, in the browser's language."""
    language = choose_language(None, request.headers.get("accept-language"))
    return Response.html(render_error(ErrorView(language, "", status, code, trace_id)), status)
