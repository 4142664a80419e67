"""The bill assistant's page: `/assistant` with its forms, behind the session of the cashier and of `/bills`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from chuanliu.assistant import EMAIL, IN_APP, ChangeProfile, FindOverview, reminder_store
from chuanliu.clock import wall_text
from chuanliu.errors import Invalid, NotFound, Refused
from chuanliu.gateway.cashier import OwnPages, page_language
from chuanliu.gateway.cashier.session import NOBODY
from chuanliu.gateway.composition import Services
from chuanliu.gateway.consumer.assistant_view import assistant_view, limits_view
from chuanliu.gateway.consumer.consumer_routes import erase_all
from chuanliu.instalments import FindOwnLimit, Restraint, SetOwnLimit
from chuanliu.money import parse_amount
from chuanliu.serving import Request, Response, Router
from chuanliu.web import AssistantView, Language, MessageView, render_assistant

HOME: Final = "/assistant"
_PRODUCT_FIELD: Final = "ideal-"
_MESSAGES_SHOWN: Final = 5


class AssistantPages(OwnPages):
    """The page and its forms."""

    async def show(self, request: Request, problem_code: str = "") -> Response:
        """The page, or the form to sign in."""
        session, language = self.session(request), page_language(request)
        token = self.token(session)
        if session.user_id == NOBODY:
            form = await self.sign_in_form(session, problem_code)
            view = AssistantView(language, HOME, token, sign_in=form, sandbox=self.services.sandbox)
            return self.remember(request, Response.html(render_assistant(view)), session)
        engine = self.services.engine
        overview = await engine.ask(FindOverview(session.user_id))
        limit = await engine.ask(FindOwnLimit(session.user_id))
        view = assistant_view(
            overview,
            limits_view(limit, overview.currency, time.time_ns() // 1000),
            engine.reference,
            language,
            token,
            messages=await self._messages(session.user_id),
            problem_code=problem_code,
            sandbox=self.services.sandbox,
        )
        return Response.html(render_assistant(view))

    async def _messages(self, consumer_id: int) -> tuple[MessageView, ...]:
        async with self.services.reads.connection() as connection:
            found = await reminder_store.inbox(connection, consumer_id, _MESSAGES_SHOWN)
        return tuple(MessageView(subject, body, wall_text(came)[:16]) for _, subject, body, came in found)

    async def act(self, request: Request) -> Response:
        """Set ideals, set reminders, or erase."""
        form, session = request.form(), self.session(request)
        if not self.form_is_ours(request, session):
            return await self.show(request, "forbidden")
        if session.user_id == NOBODY:
            return await self.show(request)
        try:
            match form.get("do"):
                case "ideals":
                    await self._set_ideals(session.user_id, form)
                case "reminders":
                    await self.services.engine.submit(_reminders(session.user_id, form, page_language(request)))
                case "off":
                    await self.services.engine.submit(ChangeProfile(session.user_id, reminders=False))
                case "limits":
                    await self._set_limits(session.user_id, form)
                case "erase":
                    await erase_all(self.services, session.user_id)
        except (Refused, NotFound, Invalid) as error:
            return await self.show(request, error.code)
        return self.back(request)

    async def _set_ideals(self, consumer_id: int, form: Mapping[str, str]) -> None:
        engine = self.services.engine
        overview = await engine.ask(FindOverview(consumer_id))
        currency = overview.currency
        commands = [
            ChangeProfile(
                consumer_id,
                ideal_minor=_amount(form.get("ideal", ""), currency, "ideal"),
                income_minor=_amount(form.get("income", ""), currency, "income"),
            )
        ]
        for product in overview.products:
            text = form.get(f"{_PRODUCT_FIELD}{product.product_id}")
            wanted = None if text is None else _amount(text, currency, "ideal")
            if wanted is not None and wanted != product.ideal_minor:
                commands.append(ChangeProfile(consumer_id, ideal_minor=wanted, product_id=product.product_id))
        for command in commands:
            await engine.submit(command)

    async def _set_limits(self, consumer_id: int, form: Mapping[str, str]) -> None:
        engine = self.services.engine
        limit = await engine.ask(FindOwnLimit(consumer_id))
        currency = (await engine.ask(FindOverview(consumer_id))).currency if limit is None else limit.currency
        hours = form.get("cooling-hours", "").strip() or "0"
        if not (hours.isascii() and hours.isdigit() and len(hours) <= 3):
            raise Invalid("invalid_parameter", "cooling_hours is 0 to 168", field="cooling_hours")
        wanted = Restraint(
            _amount(form.get("stop", ""), currency, "stop"),
            int(hours),
            _amount(form.get("cooling-from", ""), currency, "cooling_from"),
        )
        await engine.submit(SetOwnLimit(consumer_id, wanted, currency))


def _amount(text: str, currency: str, field: str) -> int:
    """What was typed; nothing is 0."""
    typed = text.strip().replace(",", "")
    return parse_amount(typed, currency, field=field, at_least_minor=0) if typed else 0


def _reminders(consumer_id: int, form: Mapping[str, str], language: Language) -> ChangeProfile:
    email = form.get("email", "").strip()
    wanted = (IN_APP, EMAIL) if form.get("by-email") == "yes" else (IN_APP,)
    return ChangeProfile(
        consumer_id,
        reminders=form.get("reminders") == "yes",
        channels=wanted,
        email=email,
        language="zh" if language is Language.ZH else "en",
        time_zone=form.get("time-zone", "").strip(),
        quiet_from=_minute(form.get("quiet-from", ""), "quiet_from"),
        quiet_until=_minute(form.get("quiet-until", ""), "quiet_until"),
    )


def _minute(text: str, field: str) -> int:
    """`hh:mm` as a minute of the day. Raises `Invalid(invalid_parameter)`."""
    hours, _, minutes = text.partition(":")
    digits = hours + minutes
    if len(hours) != 2 or len(minutes) < 2 or not (digits.isascii() and digits[:4].isdigit()):
        raise Invalid("invalid_parameter", f"{field} must be a time of day", field=field)
    return int(hours) * 60 + int(minutes[:2])


def add_page_routes(router: Router, services: Services) -> None:
    """`/assistant` and its forms."""
    pages = AssistantPages(services, HOME)

    async def sign_in(request: Request) -> Response:
        return await pages.sign_in(request, pages.show)

    router.add("GET", HOME, pages.page(pages.show))
    router.add("POST", HOME, pages.page(pages.act))
    router.add("POST", f"{HOME}/sign-in", pages.page(sign_in))
