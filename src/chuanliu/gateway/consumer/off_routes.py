"""`/assistant/off?t=…`: reminders off by one tap from a message, without signing in (RFC 8058 for mail programs)."""

from __future__ import annotations

from chuanliu.assistant import ChangeProfile, FindProfile, consumer_of_token
from chuanliu.errors import ChuanliuError
from chuanliu.gateway.cashier import page_language
from chuanliu.gateway.composition import Services
from chuanliu.serving import Request, Response, Router, status_of
from chuanliu.web import ErrorView, OffView, render_error, render_off

OFF_PATH = "/assistant/off"


class _Off:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, request: Request) -> Response:
        """What the link opens: one button. Opening it changes nothing, for mail scanners open every link."""
        token = request.query().get("t", "")
        consumer_of_token(self._services.vault, token)
        return self._page(request, token, done=False)

    async def act(self, request: Request) -> Response:
        """The button, or a mail program's one click. Doing it again changes nothing."""
        token = request.query().get("t", "")
        consumer_id = consumer_of_token(self._services.vault, token)
        profile = await self._services.engine.ask(FindProfile(consumer_id))
        if profile.reminders:
            await self._services.engine.submit(ChangeProfile(consumer_id, reminders=False))
        return self._page(request, token, done=True)

    def _page(self, request: Request, token: str, *, done: bool) -> Response:
        view = OffView(page_language(request), f"{OFF_PATH}?t={token}", token, done)
        return Response.html(render_off(view))


def add_off_routes(router: Router, services: Services) -> None:
    """The link of every message."""
    off = _Off(services)

    async def show(request: Request) -> Response:
        try:
            return await off.show(request)
        except ChuanliuError as error:
            return _refused(request, error)

    async def act(request: Request) -> Response:
        try:
            return await off.act(request)
        except ChuanliuError as error:
            return _refused(request, error)

    router.add("GET", OFF_PATH, show)
    router.add("POST", OFF_PATH, act)


def _refused(request: Request, error: ChuanliuError) -> Response:
    status = status_of(error)
    code = "route_not_found" if error.code == "consumer_not_found" else error.code
    return Response.html(render_error(ErrorView(page_language(request), "/assistant", status, code)), status)
