"""`/bills/repayment/LINE`: what a line is repaid from on its due day, in the order that the consumer chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from chuanliu.bills import (
    METHODS_MAX,
    AgreeAutoRepay,
    FindAutoRepayment,
    RepaymentOffer,
    SetAutoRepay,
)
from chuanliu.errors import Invalid, NotFound, Refused
from chuanliu.gateway.cashier.own_pages_routes import OwnPages, page_language
from chuanliu.gateway.composition import Services
from chuanliu.gateway.repayment_methods import BALANCE, debit_cards, line_of, method_of, method_texts
from chuanliu.lenders import FindInstruments, InstrumentView
from chuanliu.serving import Request, Response, Router
from chuanliu.web import Language, RepaymentView, render_repayment


class _Choice(NamedTuple):
    """What a form says, or what holds."""

    chosen: tuple[str, ...]
    partial: bool


class _RepaymentPages(OwnPages):
    async def show(
        self, request: Request, choice: _Choice | None = None, offer: RepaymentOffer | None = None, problem: str = ""
    ) -> Response:
        """What holds, or what was chosen with the text that is to be agreed to."""
        consumer_id, language = self.signed_in(request), page_language(request)
        views = await self.services.engine.ask(FindInstruments(consumer_id))
        line = line_of(views, request.path_params["line"])
        stands = await self.services.engine.ask(FindAutoRepayment(consumer_id, line.instrument.instrument_id))
        held = method_texts(stands.methods) if stands.wanted else (BALANCE,)
        choice = choice or _Choice(held, stands.partial)
        cards = tuple(
            (str(each.instrument.instrument_id), f"{_title(each, language)} {each.instrument.masked}")
            for each in debit_cards(views)
            if each.product.currency == line.product.currency
        )
        view = RepaymentView(
            language,
            f"/bills/repayment/{line.instrument.instrument_id}",
            self.token(self.session(request)),
            _title(line, language),
            cards,
            choice.chosen,
            choice.partial,
            stands.wanted,
            tuple(range(1, min(len(cards) + 1, METHODS_MAX) + 1)),
            () if offer is None else tuple(offer.text.splitlines()[1:]),
            "" if offer is None else offer.sha256.hex(),
            problem,
            self.services.sandbox,
        )
        return Response.html(render_repayment(view))

    async def act(self, request: Request) -> Response:
        """Show the text, agree to it, or take an agreement back."""
        form, session = request.form(), self.session(request)
        consumer_id = self.signed_in(request)
        if not self.form_is_ours(request, session):
            return await self.show(request, problem="forbidden")
        line = line_of(await self.services.engine.ask(FindInstruments(consumer_id)), request.path_params["line"])
        number, engine = line.instrument.instrument_id, self.services.engine
        if form.get("do") == "off":
            await engine.submit(SetAutoRepay(consumer_id, number, wanted=False))
            return self.back(request)
        choice = _choice_of(form)
        agreed = form.get("do") == "agree"
        try:
            methods = tuple(map(method_of, choice.chosen))
            digest = _digest(form.get("consent", "")) if agreed else None
            command = AgreeAutoRepay(
                consumer_id, number, methods=methods, partial=choice.partial, consent_sha256=digest
            )
            offer = await engine.submit(command)
        except (Invalid, NotFound, Refused) as error:
            return await self.show(request, choice, problem=error.code)
        return self.back(request) if agreed else await self.show(request, choice, offer)


def _choice_of(form: Mapping[str, str]) -> _Choice:
    chosen = tuple(text for place in range(1, METHODS_MAX + 1) if (text := form.get(f"method-{place}", "")))
    return _Choice(chosen, form.get("partial") == "yes")


def _digest(text: str) -> bytes:
    """What was signed; nothing that can be a digest where it is none."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _title(view: InstrumentView, language: Language) -> str:
    chinese, english = (view.lender.name_zh, view.product.name_zh), (view.lender.name, view.product.name)
    return " · ".join(chinese if language is Language.ZH else english)


def add_repayment_routes(router: Router, services: Services) -> None:
    """The page of each line."""
    pages = _RepaymentPages(services, "/bills")
    router.add("GET", "/bills/repayment/{line}", pages.page(pages.show))
    router.add("POST", "/bills/repayment/{line}", pages.page(pages.act))
