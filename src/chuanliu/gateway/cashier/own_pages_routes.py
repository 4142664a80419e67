"""What pages of a consumer's own have in common: the cashier's session, the form to sign in, and its token."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from chuanliu.errors import ChuanliuError, Invalid, NotFound, Refused, Unauthenticated
from chuanliu.gateway.cashier import session as sessions
from chuanliu.gateway.cashier.consumer_store import demo_consumers
from chuanliu.gateway.cashier.session import COOKIE, NOBODY, Session, form_token, form_token_matches, read_session
from chuanliu.gateway.cashier.sign_in_routes import signed_in_consumer
from chuanliu.gateway.composition import Services
from chuanliu.serving import Request, Response, cookie_text, status_of
from chuanliu.web import ErrorView, Language, SignIn, choose_language, render_error, with_language

_FORM_OF: Final = 0
"""What form tokens of these pages are bound to, where the cashier's are bound to an order."""

Step = Callable[[Request], Awaitable[Response]]


class OwnPages:
    """Pages at `home` and below it, of whoever has signed in."""

    def __init__(self, services: Services, home: str) -> None:
        self.services = services
        self.home = home
        self._key = services.vault.derived_key(sessions.PURPOSE)

    def session(self, request: Request) -> Session:
        """The browser's session, or a new one of nobody."""
        found = read_session(request.cookies().get(COOKIE, ""), self._key, _now())
        return found if found is not None else sessions.new_session(NOBODY, _now(), secrets.token_hex(16))

    def signed_in(self, request: Request) -> int:
        """The consumer of the session. Raises `Unauthenticated(api_key_missing)`."""
        session = self.session(request)
        if session.user_id == NOBODY:
            raise Unauthenticated("api_key_missing", f"sign in at {self.home} first")
        return session.user_id

    def token(self, session: Session) -> str:
        """What forms of these pages bring along."""
        return form_token(session, _FORM_OF, self._key)

    def form_is_ours(self, request: Request, session: Session) -> bool:
        """Whether the posted form was rendered for this session."""
        return form_token_matches(request.form().get("csrf_token", ""), session, _FORM_OF, self._key)

    def remember(self, request: Request, response: Response, session: Session) -> Response:
        """The response with the session's cookie."""
        secure = request.scheme == "https" or self.services.public_url.startswith("https:")
        return response.with_header(
            "set-cookie", cookie_text(COOKIE, sessions.session_text(session, self._key), secure=secure)
        )

    async def sign_in_form(self, session: Session, problem_code: str) -> SignIn:
        """The form to sign in."""
        people = await demo_consumers(self.services.reads) if self.services.sandbox else ()
        return SignIn(f"{self.home}/sign-in", self.token(session), people, problem_code=problem_code)

    async def sign_in(self, request: Request, show: Callable[[Request, str], Awaitable[Response]]) -> Response:
        """The posted form to sign in; `show` is the page, with what went wrong."""
        if not self.form_is_ours(request, self.session(request)):
            return await show(request, "forbidden")
        try:
            consumer_id = await signed_in_consumer(self.services, request.form())
        except (Refused, NotFound) as error:
            code = "buyer_not_found" if error.code == "consumer_not_found" else error.code
            return await show(request, code)
        fresh = sessions.new_session(consumer_id, _now(), secrets.token_hex(16))
        return self.remember(request, self.back(request), fresh)

    def back(self, request: Request) -> Response:
        """After a form: the page again, in the same language."""
        return Response.redirect(with_language(self.home, page_language(request)))

    def page(self, step: Step) -> Step:
        """A step of these pages whose errors are pages too; who has not signed in is sent there."""

        async def handle(request: Request) -> Response:
            try:
                return await step(request)
            except Unauthenticated:
                return Response.redirect(self.home)
            except ChuanliuError as error:
                language = Language.ZH if isinstance(error, Invalid) else page_language(request)
                status = status_of(error)
                return Response.html(render_error(ErrorView(language, self.home, status, error.code)), status)

        return handle


def page_language(request: Request) -> Language:
    """The language that a form, an address or the browser asks for."""
    form: dict[str, Any] = request.form() if request.method == "POST" else {}
    return choose_language(form.get("lang") or request.query().get("lang"), request.headers.get("accept-language"))


def _now() -> int:
    return time.time_ns() // 1000
