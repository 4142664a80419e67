"""The cashier's pages: sign in, choose, pay, result; and the static files of all pages."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import msgspec
import structlog

from chuanliu.assistant import FindOutlook
from chuanliu.clock import Micros, wall_text
from chuanliu.errors import ChuanliuError, NotFound, Refused
from chuanliu.gateway.alipay import GatewayRefused, OrderDetails, details_of, return_members, signed_return_url
from chuanliu.gateway.cashier import session as sessions
from chuanliu.gateway.cashier.bill_routes import add_bill_routes
from chuanliu.gateway.cashier.choices import means_shown, shown_means, told_of
from chuanliu.gateway.cashier.consumer_store import demo_consumers
from chuanliu.gateway.cashier.repayment_routes import add_repayment_routes
from chuanliu.gateway.cashier.session import COOKIE, NOBODY, Session, form_token, form_token_matches, read_session
from chuanliu.gateway.cashier.sign_in_routes import signed_in_consumer
from chuanliu.gateway.cashier.stages import (
    Viewer,
    choose_stage,
    page_path,
    paid_by,
    paid_stage,
    paying_instrument,
    refusal_of,
    settled_stage,
    sign_in_stage,
    summary_of,
    waits_for_other,
)
from chuanliu.gateway.composition import Services
from chuanliu.ids import order_id_of
from chuanliu.instalments import MakeQuote, QuoteView
from chuanliu.lenders import FindInstruments
from chuanliu.parties import ConsumerView, FindConsumer, find_app, find_merchant, signing_key_for
from chuanliu.serving import Request, Response, Router, cookie_text, status_of
from chuanliu.trade import REFUSED, Choice, FindOrderById, Order, OrderView, PayOrder, basket_of
from chuanliu.web import (
    ASSETS,
    CashierView,
    ErrorView,
    InProgress,
    Language,
    Means,
    SignIn,
    Stage,
    choose_language,
    render_cashier,
    render_error,
    stage_name,
    with_language,
)

log = structlog.get_logger(__name__)

_NUMBER: Final = re.compile(r"[0-9]{1,19}\Z")


def _now() -> Micros:
    return time.time_ns() // 1000


class Visit:
    """One request of one browser to the cashier of one order."""

    def __init__(self, services: Services, request: Request, view: OrderView, form: dict[str, str]) -> None:
        self.services = services
        self.request = request
        self.view = view
        self.form = form
        self.now = _now()
        self._key = services.vault.derived_key(sessions.PURPOSE)
        found = read_session(request.cookies().get(COOKIE, ""), self._key, self.now)
        self.is_new = found is None
        self.session = found if found is not None else self.fresh_session(NOBODY)
        self.language = language_of(request, form)

    @property
    def order(self) -> Order:
        """The order of this cashier."""
        return self.view.order

    @property
    def details(self) -> OrderDetails:
        """What the merchant said of it."""
        return details_of(self.order.details)

    def fresh_session(self, user_id: int) -> Session:
        """A session that begins now."""
        return sessions.new_session(user_id, self.now, secrets.token_hex(16))

    @property
    def form_is_ours(self) -> bool:
        """Whether the posted form was rendered for this browser and order."""
        token = self.form.get("csrf_token", "")
        return not self.is_new and form_token_matches(token, self.session, self.order.order_id, self._key)

    async def payer(self) -> ConsumerView | None:
        """The consumer who is signed in at this browser."""
        if self.session.user_id == NOBODY:
            return None
        try:
            return await self.services.engine.ask(FindConsumer(self.session.user_id, self.order.currency))
        except NotFound:
            return None

    def remember(self, response: Response, session: Session) -> Response:
        """The response with the session's cookie."""
        secure = self.request.scheme == "https" or self.services.public_url.startswith("https:")
        cookie = cookie_text(COOKIE, sessions.session_text(session, self._key), secure=secure)
        return response.with_header("set-cookie", cookie)

    def back_to_page(self, session: Session | None = None) -> Response:
        """After a form: see the page again, in the same language."""
        response = Response.redirect(with_language(page_path(self.order), self.language))
        return response if session is None else self.remember(response, session)

    async def page(self, problem_code: str = "", entered_user_id: str = "") -> Response:
        """The page as it is now for this browser."""
        payer = await self.payer()
        token = form_token(self.session, self.order.order_id, self._key)
        viewer = Viewer(token, payer, problem_code, entered_user_id)
        stage = await self._stage(viewer)
        services = self.services
        merchant = find_merchant(services.engine.reference, self.order.sub_merchant_id or self.order.merchant_id)
        cashier = CashierView(
            self.language,
            page_path(self.order),
            self.now,
            summary_of(self.order, merchant.name if merchant is not None else "", self.details),
            stage,
            services.sandbox,
        )
        response = Response.html(render_cashier(cashier))
        return self.remember(response, self.session) if self.is_new else response

    async def _stage(self, viewer: Viewer) -> Stage:
        payer, order = viewer.payer, self.order
        if payer is not None and paid_by(self.view, payer):
            return paid_stage(self.view, payer, await self._paying_means(payer), await self._return_url())
        settled = settled_stage(self.view, self.now)
        if settled is not None:
            return settled
        services = self.services
        if payer is None:
            shown = await demo_consumers(services.reads) if services.sandbox else ()
            return sign_in_stage(order, viewer, public_url=services.public_url, demo_consumers=shown)
        if waits_for_other(self.view, payer):
            return InProgress(page_path(order))
        refusal = refusal_of(order, payer)
        if refusal:
            return choose_stage(order, msgspec.structs.replace(viewer, problem_code=refusal), payer)
        quote = await self._quote(payer)
        instruments = await services.engine.ask(FindInstruments(payer.consumer.consumer_id))
        outlook = await services.engine.ask(FindOutlook(payer.consumer.consumer_id, order.currency))
        told = told_of(quote, outlook, services.engine.reference, order.created_at)
        means = shown_means(quote, payer, instruments, self.language, told)
        return choose_stage(order, viewer, payer, means, quote.quote.quote_id, told.cools_until)

    async def _quote(self, payer: ConsumerView) -> QuoteView:
        """A promise for a quarter of an hour: what this page shows is what its button charges."""
        engine, order = self.services.engine, self.order
        basket = basket_of(engine.reference, order)
        return await engine.submit(MakeQuote(payer.consumer.consumer_id, basket, self.now, order.order_id))

    async def _paying_means(self, payer: ConsumerView) -> Means:
        instrument_id = paying_instrument(self.view)
        if instrument_id is None:
            return Means("balance")
        found = await self.services.engine.ask(FindInstruments(payer.consumer.consumer_id, closed=True))
        return next(
            means_shown(each, self.language) for each in found if each.instrument.instrument_id == instrument_id
        )

    async def _return_url(self) -> str:
        """The merchant's address with the signed result, as it stands for orders of the Alipay dialect."""
        order, services = self.order, self.services
        if order.return_url is None:
            return ""
        reference = services.engine.reference
        app = find_app(reference, str(order.app_id))
        if app is None:
            return order.return_url
        key = signing_key_for(reference, services.vault, app).private_key
        members = return_members(order, wall_text(self.now))
        work = partial(signed_return_url, order.return_url, members, key, self.details.sign_type)
        try:
            return await asyncio.get_running_loop().run_in_executor(services.signers, work)
        except GatewayRefused:
            return ""


Step = Callable[[Visit], Awaitable[Response]]


async def show(visit: Visit) -> Response:
    """The page."""
    return await visit.page()


async def status(visit: Visit) -> Response:
    """What the sign-in page asks while its QR code is on show."""
    settled = settled_stage(visit.view, visit.now)
    return Response.json({"stage": stage_name(settled) if settled is not None else stage_name(SignIn("", ""))})


async def sign_in(visit: Visit) -> Response:
    """The sign-in form: a demo consumer of the sandbox, or user number and pay password."""
    if not visit.form_is_ours:
        return await visit.page("forbidden")
    try:
        user_id = await signed_in_consumer(visit.services, visit.form)
    except (Refused, NotFound) as error:
        code = "buyer_not_found" if error.code == "consumer_not_found" else error.code
        return await visit.page(code, visit.form.get("user_id", "")[:16])
    return visit.back_to_page(visit.fresh_session(user_id))


async def sign_out(visit: Visit) -> Response:
    """Another payer wants to sign in."""
    return visit.back_to_page(visit.fresh_session(NOBODY) if visit.form_is_ours else None)


async def pay(visit: Visit) -> Response:
    """The pay button."""
    if not visit.form_is_ours:
        return await visit.page("forbidden")
    payer = await visit.payer()
    if payer is None:
        return visit.back_to_page()
    try:
        if payer.consumer.status != "active":
            raise Refused("buyer_blocked")
        command = PayOrder(visit.order.order_id, payer.consumer.consumer_id, _chosen(visit.form), visit.now)
        outcome = await visit.services.banks.settle(await visit.services.engine.submit(command))
    except Refused as error:
        return await visit.page(error.code)
    if outcome.result == REFUSED:
        return await visit.page(outcome.reason or "payment_refused")
    return visit.back_to_page()


def _chosen(form: dict[str, str]) -> Choice:
    """The offer that the form names. Raises `Refused(offer_not_found)`."""
    quote_id, offer = form.get("quote_id", ""), form.get("offer", "")
    if not (_NUMBER.match(quote_id) and _NUMBER.match(offer) and int(quote_id) < 2**63):
        raise Refused("offer_not_found", field="offer")
    return Choice(int(quote_id), int(offer), agreed=form.get("agreed") == "yes")


def language_of(request: Request, form: dict[str, str]) -> Language:
    """The language that a form, an address or the browser asks for."""
    asked = form.get("lang")
    if asked is None:
        try:
            asked = request.query().get("lang")
        except ChuanliuError:
            asked = None
    return choose_language(asked, request.headers.get("accept-language"))


async def _visit(services: Services, request: Request, step: Step) -> Response:
    """Find the order and run a step; whatever goes wrong is a page."""
    try:
        order_id = order_id_of(request.path_params["trade_no"])
        if order_id is None:
            raise NotFound("order_not_found")
        form = request.form() if request.method == "POST" else {}
        view = await services.engine.ask(FindOrderById(order_id))
        return await step(Visit(services, request, view, form))
    except ChuanliuError as error:
        status = 404 if error.code == "order_not_found" else status_of(error)
        return _error(request, status, error.code)
    except Exception:
        trace_id = secrets.token_hex(8)
        log.exception("the cashier failed in an unforeseen way", trace_id=trace_id, path=request.path)
        return _error(request, 500, "internal", trace_id)


def _error(request: Request, status: int, code: str, trace_id: str = "") -> Response:
    view = ErrorView(language_of(request, {}), request.path, status, code, trace_id)
    return Response.html(render_error(view), status)


def add_routes(router: Router, services: Services) -> None:
    """`/cashier/{trade_no}` with its forms, `/qr/{trade_no}` for phones, `/bills`, and the static files."""
    add_bill_routes(router, services)
    add_repayment_routes(router, services)

    def handler(step: Step) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            return await _visit(services, request, step)

        return handle

    router.add("GET", "/cashier/{trade_no}", handler(show))
    router.add("GET", "/qr/{trade_no}", handler(show))
    router.add("POST", "/cashier/{trade_no}", handler(sign_in))
    router.add("POST", "/cashier/{trade_no}/pay", handler(pay))
    router.add("POST", "/cashier/{trade_no}/sign-out", handler(sign_out))
    router.add("GET", "/cashier/{trade_no}/status", handler(status))

    async def asset(request: Request) -> Response:
        found = ASSETS[request.path]
        headers = [("content-type", found.content_type), ("cache-control", "public, max-age=31536000, immutable")]
        return Response(200, headers, found.body)

    for address in ASSETS:
        router.add("GET", address, asset)
