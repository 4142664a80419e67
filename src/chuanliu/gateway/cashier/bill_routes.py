"""A consumer's bills: `/bills` with its forms, one statement as page, CSV and PDF, and `/v1/bills` as JSON.

She signs in as in the cashier; the session says whose bills are shown, and no address names a consumer.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from chuanliu.bills import (
    FIGURE_TEXTS,
    MIRRORED_LABEL,
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
from chuanliu.errors import ChuanliuError, Invalid, NotFound, Refused, Unauthenticated
from chuanliu.gateway.cashier import session as sessions
from chuanliu.gateway.cashier.consumer_store import demo_consumers
from chuanliu.gateway.cashier.session import COOKIE, NOBODY, Session, form_token, form_token_matches, read_session
from chuanliu.gateway.cashier.sign_in_routes import signed_in_consumer
from chuanliu.gateway.composition import Services
from chuanliu.instalments import FindPlans
from chuanliu.lenders import FindInstruments, find_product, lender_of
from chuanliu.serving import Request, Response, Router, cookie_text, status_of
from chuanliu.web import (
    BillRow,
    BillsView,
    ErrorView,
    Language,
    MirroredRow,
    OwedRow,
    SignIn,
    StatementView,
    choose_language,
    render_bills,
    render_error,
    render_statement,
    with_language,
)

_FORM_OF: Final = 0
"""What form tokens of these pages are bound to, where the cashier's are bound to an order."""
_FILE: Final = re.compile(r"([0-9]{6})(\.csv|\.pdf)?\Z")


class _BillPages:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._key = services.vault.derived_key(sessions.PURPOSE)

    def _session(self, request: Request) -> Session:
        found = read_session(request.cookies().get(COOKIE, ""), self._key, _now())
        return found if found is not None else sessions.new_session(NOBODY, _now(), secrets.token_hex(16))

    def _signed_in(self, request: Request) -> int:
        """The consumer of the session. Raises `Unauthenticated(api_key_missing)`."""
        session = self._session(request)
        if session.user_id == NOBODY:
            raise Unauthenticated("api_key_missing", "sign in at /bills first")
        return session.user_id

    def _remember(self, request: Request, response: Response, session: Session) -> Response:
        secure = request.scheme == "https" or self._services.public_url.startswith("https:")
        return response.with_header(
            "set-cookie", cookie_text(COOKIE, sessions.session_text(session, self._key), secure=secure)
        )

    async def show(self, request: Request, problem_code: str = "") -> Response:
        session, language = self._session(request), _language(request)
        token = form_token(session, _FORM_OF, self._key)
        if session.user_id == NOBODY:
            people = await demo_consumers(self._services.reads) if self._services.sandbox else ()
            form = SignIn("/bills/sign-in", token, people, problem_code=problem_code)
            view = BillsView(language, "/bills", "/bills", token, form, sandbox=self._services.sandbox)
            return self._remember(request, Response.html(render_bills(view)), session)
        consumer_id, engine = session.user_id, self._services.engine
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
                    self._title(bill.product_id, language), day_text(bill.due_on), bill.due_minor, bill.currency
                )
                for bill in mirrored_bills(plans)
            ),
            problem_code=problem_code,
            sandbox=self._services.sandbox,
        )  # fmt: skip
        return Response.html(render_bills(view))

    def _title(self, product_id: int, language: Language) -> str:
        reference = self._services.engine.reference
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

    async def sign_in(self, request: Request) -> Response:
        form, session = request.form(), self._session(request)
        if not form_token_matches(form.get("csrf_token", ""), session, _FORM_OF, self._key):
            return await self.show(request, "forbidden")
        try:
            consumer_id = await signed_in_consumer(self._services, form)
        except (Refused, NotFound) as error:
            code = "buyer_not_found" if error.code == "consumer_not_found" else error.code
            return await self.show(request, code)
        fresh = sessions.new_session(consumer_id, _now(), secrets.token_hex(16))
        return self._remember(request, Response.redirect(with_language("/bills", _language(request))), fresh)

    async def act(self, request: Request) -> Response:
        """Repay what is billed on a line, or agree to automatic repayment."""
        form, session = request.form(), self._session(request)
        if not form_token_matches(form.get("csrf_token", ""), session, _FORM_OF, self._key):
            return await self.show(request, "forbidden")
        line = form.get("line", "")
        if session.user_id == NOBODY or not (line.isascii() and line.isdigit() and int(line) < 2**63):
            return await self.show(request)
        try:
            if form.get("do") == "repay":
                await self._services.engine.submit(RepayBill(session.user_id, int(line)))
            else:
                wanted = form.get("do") == "auto-on"
                await self._services.engine.submit(SetAutoRepay(session.user_id, int(line), wanted=wanted))
        except (Refused, NotFound) as error:
            return await self.show(request, error.code)
        return Response.redirect(with_language("/bills", _language(request)))

    async def statement(self, request: Request) -> Response:
        """One statement: a page, or a file by its ending."""
        consumer_id, language = self._signed_in(request), _language(request)
        product, named = request.path_params["product"], _FILE.match(request.path_params["cycle"])
        if named is None or not (product.isascii() and product.isdigit() and int(product) < 2**63):
            raise NotFound("statement_not_found")
        found = await self._services.engine.ask(FindStatement(consumer_id, int(product), int(named[1])))
        statement = found[-1]
        async with self._services.reads.connection() as connection:
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

    async def document(self, request: Request) -> Response:
        """All bills of the consumer who is signed in, as JSON."""
        engine = self._services.engine
        try:
            consumer_id = self._signed_in(request)
        except Unauthenticated as error:
            return Response.problem(error)
        statements = await engine.ask(FindStatements(consumer_id))
        plans = await engine.ask(FindPlans(consumer_id))
        return Response.json(
            {
                "statements": [_document(each) for each in statements],
                "mirrored": [
                    {
                        "label": MIRRORED_LABEL[1],
                        "product": str(bill.product_id),
                        "month": bill.month,
                        "due_on": day_text(bill.due_on),
                        "due": signed(bill.due_minor, bill.currency),
                        "currency": bill.currency,
                    }
                    for bill in mirrored_bills(plans)
                ],
            }
        ).with_header("cache-control", "no-store")


def _document(statement: Statement) -> dict[str, Any]:
    amounts = {
        name.removesuffix("_minor"): signed(getattr(statement, name), statement.currency) for name in FIGURE_TEXTS
    }
    return {
        "product": str(statement.product_id),
        "cycle": statement.cycle,
        "statement_on": day_text(statement.statement_on),
        "due_on": day_text(statement.due_on),
        "currency": statement.currency,
        "first_seq": statement.first_seq,
        "last_seq": statement.last_seq,
        **amounts,
    }


def _now() -> int:
    return time.time_ns() // 1000


def _name(chinese: str, english: str, language: Language) -> str:
    return chinese if language is Language.ZH else english


def _path(statement: Statement) -> str:
    return f"/bills/{statement.product_id}/{statement.cycle}"


def _language(request: Request) -> Language:
    form = request.form() if request.method == "POST" else {}
    return choose_language(form.get("lang") or request.query().get("lang"), request.headers.get("accept-language"))


def _file(content: bytes, kind: str, name: str) -> Response:
    headers = [
        ("content-type", kind),
        ("content-disposition", f'attachment; filename="bill-{name}"'),
        ("cache-control", "no-store"),
    ]
    return Response(200, headers, content)


def add_bill_routes(router: Router, services: Services) -> None:
    """`/bills`, its statements, and `/v1/bills`."""
    pages = _BillPages(services)

    def page(step: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            try:
                return await step(request)
            except Unauthenticated:
                return Response.redirect("/bills")
            except ChuanliuError as error:
                language = Language.ZH if isinstance(error, Invalid) else _language(request)
                status = status_of(error)
                return Response.html(render_error(ErrorView(language, "/bills", status, error.code)), status)

        return handle

    router.add("GET", "/bills", page(pages.show))
    router.add("POST", "/bills", page(pages.act))
    router.add("POST", "/bills/sign-in", page(pages.sign_in))
    router.add("GET", "/bills/{product}/{cycle}", page(pages.statement))
    router.add("GET", "/v1/bills", pages.document)
