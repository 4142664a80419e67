"""A consumer's bills: `/bills` with its forms, and one statement as page, CSV and PDF.

She signs in as in the cashier; the session says whose bills are shown, and no address names a consumer.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from chuanliu.bills import (
    FIGURE_TEXTS,
    FindFeedLines,
    FindStandings,
    FindStatement,
    FindStatements,
    RepayBill,
    SetAutoRepay,
    Statement,
    day_text,
    figure_text,
    kind_text,
    mirrored_bills,
    signed,
    statement_csv,
    statement_pdf,
    statement_store,
)
from chuanliu.clock import wall_text
from chuanliu.errors import NotFound, Refused
from chuanliu.gateway.cashier.own_pages_routes import OwnPages, page_language
from chuanliu.gateway.cashier.session import NOBODY
from chuanliu.gateway.composition import Services
from chuanliu.instalments import FindPlans
from chuanliu.lenders import FindInstruments, find_product, lender_of
from chuanliu.serving import Request, Response, Router
from chuanliu.web import (
    BillRow,
    BillsView,
    Language,
    MirroredRow,
    OwedRow,
    StatementView,
    render_bills,
    render_statement,
)

_FILE: Final = re.compile(r"([0-9]{6})(\.csv|\.pdf)?\Z")


class _BillPages(OwnPages):
    async def show(self, request: Request, problem_code: str = "") -> Response:
        session, language = self.session(request), page_language(request)
        token = self.token(session)
        if session.user_id == NOBODY:
            form = await self.sign_in_form(session, problem_code)
            view = BillsView(language, "/bills", "/bills", token, form, sandbox=self.services.sandbox)
            return self.remember(request, Response.html(render_bills(view)), session)
        consumer_id, engine = session.user_id, self.services.engine
        statements = await engine.ask(FindStatements(consumer_id))
        instruments = await engine.ask(FindInstruments(consumer_id))
        plans = await engine.ask(FindPlans(consumer_id))
        lines = [each for each in instruments if each.instrument.line_no is not None]
        numbers = tuple(each.instrument.instrument_id for each in lines)
        agreed = {
            each.instrument_id for each in await engine.ask(FindStandings(consumer_id, numbers)) if each.auto_repay
        }
        billed = {each.instrument_id for each in statements}
        view = BillsView(
            language,
            "/bills",
            "/bills",
            token,
            bills=tuple(self._row(each, language) for each in reversed(statements)),
            lines=tuple(
                OwedRow(
                    _name(each.lender.name_zh, each.lender.name, language) + " · "
                    + _name(each.product.name_zh, each.product.name, language),
                    str(each.instrument.instrument_id),
                    each.instrument.instrument_id in agreed,
                )
                for each in lines
                if each.instrument.instrument_id in billed
            ),
            mirrored=tuple(
                MirroredRow(
                    self._title(bill.product_id, language), day_text(bill.due_on), bill.due_minor, bill.currency,
                    bill.label[language is not Language.ZH],
                )
                for bill in mirrored_bills(plans, await engine.ask(FindFeedLines(consumer_id)))
            ),
            problem_code=problem_code,
            sandbox=self.services.sandbox,
        )  # fmt: skip
        return Response.html(render_bills(view))

    def _title(self, product_id: int, language: Language) -> str:
        reference = self.services.engine.reference
        product = find_product(reference, product_id)
        if product is None:
            raise NotFound("product_not_found")
        lender = lender_of(reference, product)
        return _name(lender.name_zh, lender.name, language) + " · " + _name(product.name_zh, product.name, language)

    def _row(self, statement: Statement, language: Language) -> BillRow:
        return BillRow(
            self._title(statement.product_id, language),
            day_text(statement.statement_on),
            day_text(statement.due_on),
            statement.due_minor,
            statement.minimum_minor,
            statement.currency,
            _path(statement),
        )

    async def act(self, request: Request) -> Response:
        """Repay what is billed on a line, or agree to automatic repayment."""
        form, session = request.form(), self.session(request)
        if not self.form_is_ours(request, session):
            return await self.show(request, "forbidden")
        line = form.get("line", "")
        if session.user_id == NOBODY or not (line.isascii() and line.isdigit() and int(line) < 2**63):
            return await self.show(request)
        try:
            if form.get("do") == "repay":
                await self.services.engine.submit(RepayBill(session.user_id, int(line)))
            else:
                wanted = form.get("do") == "auto-on"
                await self.services.engine.submit(SetAutoRepay(session.user_id, int(line), wanted=wanted))
        except (Refused, NotFound) as error:
            return await self.show(request, error.code)
        return self.back(request)

    async def statement(self, request: Request) -> Response:
        """One statement: a page, or a file by its ending."""
        consumer_id, language = self.signed_in(request), page_language(request)
        product, named = request.path_params["product"], _FILE.match(request.path_params["cycle"])
        if named is None or not (product.isascii() and product.isdigit() and int(product) < 2**63):
            raise NotFound("statement_not_found")
        found = await self.services.engine.ask(FindStatement(consumer_id, int(product), int(named[1])))
        statement = found[-1]
        async with self.services.reads.connection() as connection:
            lines = await statement_store.read_lines(connection, statement)
        tongue: Any = "zh" if language is Language.ZH else "en"
        title = self._title(statement.product_id, language)
        if named[2] == ".csv":
            return _file(statement_csv(statement, lines), "text/csv; charset=utf-8", f"{statement.cycle}.csv")
        if named[2] == ".pdf":
            lender, _, name = title.partition(" · ")
            # Long statements take a while to set: not on the loop that others wait for.
            pdf = await asyncio.to_thread(statement_pdf, statement, lines, name, lender, tongue)
            return _file(pdf, "application/pdf", f"{statement.cycle}.pdf")
        view = StatementView(
            language,
            _path(statement),
            title,
            day_text(statement.statement_on),
            day_text(statement.due_on),
            statement.due_minor,
            statement.minimum_minor,
            statement.currency,
            tuple(
                (figure_text(name, tongue), signed(getattr(statement, name), statement.currency))
                for name in FIGURE_TEXTS
                if getattr(statement, name)
            ),
            tuple(
                (
                    wall_text(line.posted_at)[:16],
                    kind_text(line.kind, tongue),
                    line.text,
                    signed(line.owed_minor, statement.currency),
                )
                for line in lines
            ),
        )
        return Response.html(render_statement(view))


def _name(chinese: str, english: str, language: Language) -> str:
    return chinese if language is Language.ZH else english


def _path(statement: Statement) -> str:
    return f"/bills/{statement.product_id}/{statement.cycle}"


def _file(content: bytes, kind: str, name: str) -> Response:
    headers = [
        ("content-type", kind),
        ("content-disposition", f'attachment; filename="bill-{name}"'),
        ("cache-control", "no-store"),
    ]
    return Response(200, headers, content)


def add_bill_routes(router: Router, services: Services) -> None:
    """`/bills` and its statements."""
    pages = _BillPages(services, "/bills")

    async def sign_in(request: Request) -> Response:
        return await pages.sign_in(request, pages.show)

    router.add("GET", "/bills", pages.page(pages.show))
    router.add("POST", "/bills", pages.page(pages.act))
    router.add("POST", "/bills/sign-in", pages.page(sign_in))
    router.add("GET", "/bills/{product}/{cycle}", pages.page(pages.statement))
