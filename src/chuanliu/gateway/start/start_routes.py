"""Routes of the sandbox's start page: the page, what it polls, payment codes for snippets, and the demo order."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chuanliu.clock import MINUTE
from chuanliu.errors import Forbidden, NotFound, Unavailable
from chuanliu.gateway.composition import Services
from chuanliu.gateway.start.figures_store import FigureReader
from chuanliu.gateway.start.roster import Roster
from chuanliu.gateway.start.wallet_store import WalletReader
from chuanliu.ids import trade_no
from chuanliu.serving import Request, Response, Router, cookie_text
from chuanliu.trade import CreateOrder, OrderSpec
from chuanliu.web import (
    Language,
    StartView,
    choose_language,
    live_json,
    render_start,
    wallets_json,
    with_language,
)

LIVE_PATH: Final = "/sandbox/live"
WALLETS_PATH: Final = "/sandbox/wallets"
CODE_PATH: Final = "/sandbox/code"
ORDERS_PATH: Final = "/sandbox/orders"
INBOX_PATH: Final = "/sandbox/inbox"
"""Where the merchants of the demo traffic receive their notifications: it acknowledges whatever comes."""

_CSRF_COOKIE: Final = "chuanliu_start"
_DEMO_MINOR: Final = 88_88
_DEMO_LASTS: Final = 30 * MINUTE
_DEMO_SUBJECT: Final = {Language.ZH: "一壶龙井茶", Language.EN: "A pot of Longjing tea"}


@dataclass
class SecondAddress:
    """The address at port 80 for the official Python SDK; without a `url`, `refusal` says why there is none."""

    url: str = ""
    refusal: str = ""

    @property
    def host(self) -> str:
        """The address in `url`, which has no path."""
        return self.url.removeprefix("http://").partition(":")[0]

    @property
    def port(self) -> int:
        """The port in `url`; 80 where it names none."""
        return int(self.url.removeprefix("http://").partition(":")[2] or 80)


class _StartPage:
    def __init__(self, services: Services, roster: Callable[[], Roster | None], second: SecondAddress) -> None:
        self._services = services
        self._read_roster = roster
        self._second = second
        self._figures = FigureReader(services.reads)
        self._known: Roster | None = None
        self._wallets: WalletReader | None = None

    @property
    def _roster(self) -> Roster:
        if self._known is None:
            self._known = self._read_roster()
        if self._known is None:
            raise Unavailable("the sandbox has no merchants yet: start it by `chuanliu demo`")
        return self._known

    @property
    def _reader(self) -> WalletReader:
        if self._wallets is None:
            self._wallets = WalletReader(self._services, self._roster.consumers)
        return self._wallets

    async def page(self, request: Request) -> Response:
        language = _language(request)
        token = request.cookies().get(_CSRF_COOKIE) or secrets.token_urlsafe(24)
        view = StartView(
            language=language,
            page_path="/",
            base_url=self._services.public_url,
            credentials=self._roster.merchants[0].credentials,
            wallets=await self._reader.shown(),
            live=await self._figures.read(),
            live_url=LIVE_PATH,
            wallets_url=WALLETS_PATH,
            payment_code_url=CODE_PATH,
            demo_order_action=ORDERS_PATH,
            csrf_token=token,
            reference_url=with_language("/docs", language),
            operations_url=with_language("/operations", language),
            official_base_url=self._second.url,
            official_refusal=self._second.refusal,
        )
        answer = Response.html(render_start(view))
        cookie = cookie_text(_CSRF_COOKIE, token, secure=request.scheme == "https", same_site="strict")
        return answer.with_header("set-cookie", cookie)

    async def live(self, _request: Request) -> Response:
        return Response.json(live_json(await self._figures.read()))

    async def wallets(self, request: Request) -> Response:
        return Response.json(wallets_json(await self._reader.shown(), _language(request)))

    async def code(self, request: Request) -> Response:
        """A fresh code, as a wallet that is opened at the till shows it: two snippets at once never share one."""
        user_id = request.query().get("user_id")
        consumers = self._roster.consumers
        chosen = consumers[0] if user_id is None else next((one for one in consumers if one.user_id == user_id), None)
        if chosen is None:
            raise NotFound("consumer_not_found")
        code = await self._reader.fresh_code(chosen)
        return Response.text(code + "\n").with_header("cache-control", "no-store")

    async def make_order(self, request: Request) -> Response:
        form = request.form()
        known, given = request.cookies().get(_CSRF_COOKIE, ""), form.get("csrf_token", "")
        if not known or not hmac.compare_digest(known.encode(), given.encode()):
            raise Forbidden("forbidden", "the page was open for too long; load it again")
        language = choose_language(form.get("lang"), None)
        credentials = self._roster.merchants[0].credentials
        spec = OrderSpec(
            int(credentials.seller_id),
            int(credentials.app_id),
            f"demo_{secrets.token_hex(5)}",
            "page",
            _DEMO_SUBJECT[language],
            _DEMO_MINOR,
            expires_in=_DEMO_LASTS,
            return_url=with_language(f"{self._services.public_url}/", language),
        )
        order = await self._services.engine.submit(CreateOrder(spec))
        return Response.redirect(with_language(f"/cashier/{trade_no(order.order_id)}", language))

    async def acknowledge(self, _request: Request) -> Response:
        return Response.text("success")


def _language(request: Request) -> Language:
    return choose_language(request.query().get("lang"), request.headers.get("accept-language"))


def add_routes(router: Router, services: Services, roster: Callable[[], Roster | None], second: SecondAddress) -> None:
    """Route the start page. Only for a sandbox: it shows private keys and mints codes for whoever asks.

    `roster` reads the sandbox's merchants and consumers, None before they are there.
    """
    page = _StartPage(services, roster, second)
    router.add("GET", "/", page.page)
    router.add("GET", LIVE_PATH, page.live)
    router.add("GET", WALLETS_PATH, page.wallets)
    router.add("GET", CODE_PATH, page.code)
    router.add("POST", ORDERS_PATH, page.make_order)
    router.add("POST", INBOX_PATH, page.acknowledge)
