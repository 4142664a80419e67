"""The API of a consumer who is signed in: her bills and her assistant. The session says whose they are."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from chuanliu.assistant import (
    ChangeProfile,
    FindOutlook,
    FindOverview,
    FindProfile,
    erasing_store,
    profile_csv,
    reminder_store,
    word_of,
)
from chuanliu.bills import FindFeedLines, FindStatements, mirrored_bills
from chuanliu.errors import ChuanliuError, Unauthenticated
from chuanliu.gateway.cashier import session as sessions
from chuanliu.gateway.composition import Services
from chuanliu.gateway.consumer import documents
from chuanliu.gateway.consumer.question_routes import answer_document, answered, document_tongue
from chuanliu.gateway.consumer.rendering import (
    limits_document,
    mirrored_document,
    overview_document,
    settings_document,
    statement_document,
    word_document,
)
from chuanliu.gateway.consumer.repayment_routes import agree, repayments_of, take_back
from chuanliu.gateway.document_routes import serve_document
from chuanliu.gateway.native.fields import id_of
from chuanliu.gateway.native.openapi import document_of
from chuanliu.gateway.request_reading import request_reader
from chuanliu.instalments import NO_RESTRAINT, FindOwnLimit, FindPlans, FindQuote, Restraint, SetOwnLimit
from chuanliu.money import parse_amount
from chuanliu.serving import Request, Response, Router
from chuanliu.trade import FindOrderById

DOCUMENT_PATH: Final = "/v1/assistant/openapi.json"


class Ask(NamedTuple):
    """A request whose consumer is known, and whose body and query are read."""

    consumer_id: int
    body: Any
    query: Any
    params: Mapping[str, str]


class ConsumerOperation(NamedTuple):
    """One operation of the consumer API, as routes and document are made from it."""

    method: str
    path: str
    handle: Callable[[Services, Ask], Awaitable[Any]]
    tag: str
    summary: str
    response: type[msgspec.Struct] | None
    request: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None
    description: str = ""
    status: int = 200
    errors: tuple[str, ...] = ()
    keyed: bool = False

    @property
    def name(self) -> str:
        """Its id in the OpenAPI document."""
        return self.handle.__name__

    @property
    def codes(self) -> tuple[str, ...]:
        """Its errors besides those that every operation may give."""
        return self.errors


async def list_bills(services: Services, ask: Ask) -> documents.Bills:
    """Her statements, oldest first, and what payments made here bring onto other lenders' bills."""
    statements = await services.engine.ask(FindStatements(ask.consumer_id))
    plans = await services.engine.ask(FindPlans(ask.consumer_id))
    lines = await services.engine.ask(FindFeedLines(ask.consumer_id))
    return documents.Bills(
        tuple(map(statement_document, statements)), tuple(map(mirrored_document, mirrored_bills(plans, lines)))
    )


async def list_repayments(services: Services, ask: Ask) -> documents.Repayments:
    """Her lines with what they are repaid from."""
    return await repayments_of(services, ask.consumer_id)


async def agree_to_repayment(services: Services, ask: Ask) -> documents.RepaymentOffered:
    """Agree to automatic repayment."""
    return await agree(services, ask.consumer_id, ask.params["instrument_id"], ask.body)


async def take_repayment_back(services: Services, ask: Ask) -> documents.RepaymentLine:
    """Take the agreement back."""
    return await take_back(services, ask.consumer_id, ask.params["instrument_id"])


async def show_assistant(services: Services, ask: Ask) -> documents.AssistantOverview:
    """All that the assistant says of her."""
    return overview_document(await services.engine.ask(FindOverview(ask.consumer_id, ask.query.month)))


async def ask_assistant(services: Services, ask: Ask) -> documents.QuestionAnswer:
    """Answer a question about her bills."""
    body: documents.QuestionAsked = ask.body
    return answer_document(await answered(services, ask.consumer_id, body.question, document_tongue(body)))


async def show_settings(services: Services, ask: Ask) -> dict[str, Any]:
    """What she has set."""
    return settings_document(await services.engine.ask(FindProfile(ask.consumer_id)))


async def change_settings(services: Services, ask: Ask) -> dict[str, Any]:
    """Set some of it."""
    body: documents.SettingsChange = ask.body
    currency = body.currency or (await services.engine.ask(FindProfile(ask.consumer_id))).currency
    profile = await services.engine.submit(
        ChangeProfile(
            ask.consumer_id,
            currency=body.currency,
            ideal_minor=_minor(body.ideal, currency, "ideal"),
            income_minor=_minor(body.income, currency, "income"),
            reminders=body.reminders,
            channels=body.channels,
            email=body.email,
            language=body.language,
            time_zone=body.time_zone,
            quiet_from=minute_of(body.quiet_from),
            quiet_until=minute_of(body.quiet_until),
        )
    )
    if body.product is not None:
        product_id = id_of(body.product.product, "product_not_found")
        ideal = _minor(body.product.ideal, currency, "product.ideal")
        profile = await services.engine.submit(ChangeProfile(ask.consumer_id, ideal_minor=ideal, product_id=product_id))
    return settings_document(profile)


async def show_limits(services: Services, ask: Ask) -> documents.OwnLimits:
    """Her own limits."""
    return limits_document(await services.engine.ask(FindOwnLimit(ask.consumer_id)), _now())


async def set_limits(services: Services, ask: Ask) -> documents.OwnLimits:
    """Set them."""
    body: documents.NewLimits = ask.body
    stop = parse_amount(body.stop, body.currency, field="stop", at_least_minor=0)
    cooling_from = parse_amount(body.cooling_from, body.currency, field="cooling_from", at_least_minor=0)
    wanted = Restraint(stop, body.cooling_hours, cooling_from)
    limit = await services.engine.submit(SetOwnLimit(ask.consumer_id, wanted, body.currency))
    return limits_document(limit, _now())


async def show_quote_words(services: Services, ask: Ask) -> documents.QuoteWords:
    """What each offer of a quote of hers would make of her bills."""
    engine = services.engine
    view = await engine.ask(FindQuote(id_of(ask.params["quote_id"], "quote_not_found"), consumer_id=ask.consumer_id))
    quote = view.quote
    ordered_at = quote.created_at
    if quote.order_id is not None:
        ordered_at = (await engine.ask(FindOrderById(quote.order_id))).order.created_at
    outlook = await engine.ask(FindOutlook(ask.consumer_id, quote.currency))
    words = ((at, word_of(offer, outlook, engine.reference, ordered_at)) for at, offer in enumerate(view.offers))
    return documents.QuoteWords(
        quote_id=str(quote.quote_id),
        currency=quote.currency,
        words=tuple(word_document(at, word, quote.currency) for at, word in words if word is not None),
    )


async def list_reminders(services: Services, ask: Ask) -> dict[str, Any]:
    """Her reminders."""
    async with services.reads.connection() as connection:
        return {"reminders": await reminder_store.all_of(connection, ask.consumer_id)}


async def export_assistant(services: Services, ask: Ask) -> dict[str, Any]:
    """All that the assistant keeps of her."""
    return await _kept(services, ask.consumer_id)


async def export_assistant_csv(services: Services, ask: Ask) -> Response:
    """The same for a spreadsheet."""
    kept = await _kept(services, ask.consumer_id)
    headers = [
        ("content-type", "text/csv; charset=utf-8"),
        ("content-disposition", 'attachment; filename="assistant.csv"'),
        ("cache-control", "no-store"),
    ]
    return Response(200, headers, profile_csv(_rows_of(kept)))


async def _kept(services: Services, consumer_id: int) -> dict[str, Any]:
    profile = await services.engine.ask(FindProfile(consumer_id))
    limit = await services.engine.ask(FindOwnLimit(consumer_id))
    return {
        "settings": settings_document(profile),
        "limits": msgspec.to_builtins(limits_document(limit, _now())),
        "reminders": (await list_reminders(services, Ask(consumer_id, None, None, {})))["reminders"],
    }


def _rows_of(kept: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    limits = kept["limits"]
    told = [{"from": "now", **limits["now"]}]
    if limits["next"] is not None:
        told.append({"from": limits["next_at"], **limits["next"]})
    return {"settings": [kept["settings"]], "limits": told, "reminders": kept["reminders"]}


async def erase_assistant(services: Services, ask: Ask) -> documents.Erased:
    """Delete all that the assistant keeps of her."""
    return documents.Erased(await erase_all(services, ask.consumer_id))


async def erase_all(services: Services, consumer_id: int) -> int:
    """Delete all that the assistant keeps of a consumer; how many rows that were.

    Limits of her own are taken back with it, which holds a day later as always; their row is deleted then.
    """
    limit = await services.engine.ask(FindOwnLimit(consumer_id))
    if limit is not None:
        await services.engine.submit(SetOwnLimit(consumer_id, NO_RESTRAINT, limit.currency))
    async with services.reads.connection() as connection:
        return await erasing_store.erase(connection, consumer_id)


def _now() -> int:
    return time.time_ns() // 1000


def _minor(text: str | None, currency: str, field: str) -> int | None:
    return None if text is None else parse_amount(text, currency, field=field, at_least_minor=0)


def minute_of(text: str | None) -> int | None:
    """`hh:mm` as a minute of the day."""
    return None if text is None else int(text[:2]) * 60 + int(text[3:5])


_BILLS: Final = "Bills"
_ASSISTANT: Final = "Assistant"
_REPAYMENT: Final = "/v1/bills/repayment/{instrument_id}"
_SETTINGS: Final = "/v1/assistant/settings"
_LIMITS: Final = "/v1/assistant/limits"
_EXPORT: Final = "/v1/assistant/export"
_CSV: Final = "/v1/assistant/export.csv"

OPERATIONS: Final[tuple[ConsumerOperation, ...]] = (
    ConsumerOperation("GET", "/v1/bills", list_bills, _BILLS, "List bills.", documents.Bills),
    ConsumerOperation(
        "GET",
        "/v1/bills/repayment",
        list_repayments,
        _BILLS,
        "Read what lines are repaid from.",
        documents.Repayments,
    ),
    ConsumerOperation(
        "PUT",
        _REPAYMENT,
        agree_to_repayment,
        _BILLS,
        "Agree to automatic repayment.",
        documents.RepaymentOffered,
        request=documents.RepaymentAgreement,
        description=(
            "From the balance and debit cards, in the order given; the next one is tried where one fails. First "
            "without `consent_sha256`: the answer has the text to be agreed to. Then with its digest. Credit is not "
            "repaid with other credit."
        ),
        errors=("instrument_not_found", "consent_outdated"),
    ),
    ConsumerOperation(
        "DELETE",
        _REPAYMENT,
        take_repayment_back,
        _BILLS,
        "Take the agreement back.",
        documents.RepaymentLine,
        errors=("instrument_not_found",),
    ),
    ConsumerOperation(
        "GET",
        "/v1/assistant",
        show_assistant,
        _ASSISTANT,
        "What the next bills will weigh.",
        documents.AssistantOverview,
        query=documents.OverviewQuery,
        description=(
            "The ideal bill, this month's bill against it and where it will end, repayment pressure with its inputs, "
            "twelve months of dues, and shares of spending. Figures are those of the ledger and of `/v1/bills`; other "
            "lenders' are as seen here."
        ),
    ),
    ConsumerOperation(
        "POST",
        "/v1/assistant/questions",
        ask_assistant,
        _ASSISTANT,
        "Ask about her bills.",
        documents.QuestionAnswer,
        request=documents.QuestionAsked,
        description=(
            "In Chinese or English. Answered from her own statements, postings, plans and payments, with the lines "
            "that prove it; what is not understood is refused, not guessed. Nothing is changed or kept."
        ),
    ),
    ConsumerOperation("GET", _SETTINGS, show_settings, _ASSISTANT, "Read settings.", documents.AssistantSettings),
    ConsumerOperation(
        "PATCH",
        _SETTINGS,
        change_settings,
        _ASSISTANT,
        "Change settings.",
        documents.AssistantSettings,
        request=documents.SettingsChange,
        description="What is absent stays as it is.",
        errors=("consumer_not_found", "product_not_found", "invalid_amount", "currency_not_supported"),
    ),
    ConsumerOperation("GET", _LIMITS, show_limits, _ASSISTANT, "Read one's own limits.", documents.OwnLimits),
    ConsumerOperation(
        "PUT",
        _LIMITS,
        set_limits,
        _ASSISTANT,
        "Set a stop and a cooling-off for oneself.",
        documents.OwnLimits,
        request=documents.NewLimits,
        description=(
            "A payment on credit that would take a month's bills above the stop is refused (`own_stop_exceeded`); one "
            "that is to be thought over is refused until its time has come or she agrees once more (`cooling_off`). "
            "What is stricter holds at once, what is looser a day later."
        ),
        errors=("consumer_not_found", "invalid_amount", "currency_not_supported"),
    ),
    ConsumerOperation(
        "GET",
        "/v1/assistant/quotes/{quote_id}",
        show_quote_words,
        _ASSISTANT,
        "A word before the purchase.",
        documents.QuoteWords,
        description="What each offer of a quote of hers would make of her bills. The merchant never sees it.",
        errors=("quote_not_found", "order_not_found"),
    ),
    ConsumerOperation(
        "GET", "/v1/assistant/reminders", list_reminders, _ASSISTANT, "List reminders.", documents.Reminders
    ),
    ConsumerOperation(
        "GET", _EXPORT, export_assistant, _ASSISTANT, "Export all that the assistant keeps.", documents.AssistantExport
    ),
    ConsumerOperation("GET", _CSV, export_assistant_csv, _ASSISTANT, "Export it for a spreadsheet.", None),
    ConsumerOperation(
        "DELETE",
        "/v1/assistant",
        erase_assistant,
        _ASSISTANT,
        "Erase all that the assistant keeps.",
        documents.Erased,
        description="Ledger, bills and plans are not the assistant's own and stay whole.",
    ),
)

_DESCRIPTION: Final = """\
What a consumer may see and set of herself: bills and the bill assistant.

Sign in at `/bills`: the session's cookie says who asks, and no address names a consumer. Amounts are decimal text,
ids are strings, months are yyyymm. Unknown fields are refused. Every error is a problem document (RFC 9457).
"""
_TAG_TEXTS: Final = {
    _BILLS: "Statements of lines here, and other lenders' bills as seen here.",
    _ASSISTANT: "What the next bills will weigh.",
}


def openapi_document(public_url: str) -> dict[str, Any]:
    """The OpenAPI document of all operations."""
    document = document_of("Chuanliu for consumers", _DESCRIPTION, _TAG_TEXTS, OPERATIONS, public_url)
    document["security"] = [{"session": []}]
    document["components"]["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": sessions.COOKIE, "description": "Of who signed in."}
    }
    answer = document["paths"][_CSV]["get"]["responses"]["200"]
    answer["content"] = {"text/csv": {"schema": {"type": "string"}}}
    return document


def add_api_routes(router: Router, services: Services) -> None:
    """Route all operations, and their OpenAPI document."""
    for operation in OPERATIONS:
        router.add(operation.method, operation.path, _handler(operation, services))
    serve_document(router, DOCUMENT_PATH, openapi_document(services.public_url))


def _handler(operation: ConsumerOperation, services: Services) -> Callable[[Request], Awaitable[Response]]:
    read_request = request_reader(operation.query, operation.request)
    key = services.vault.derived_key(sessions.PURPOSE)

    def read(request: Request) -> Ask:
        session = sessions.read_session(request.cookies().get(sessions.COOKIE, ""), key, _now())
        if session is None or session.user_id == sessions.NOBODY:
            raise Unauthenticated("api_key_missing", "sign in at /bills first")
        query, body = read_request(request)
        return Ask(session.user_id, body, query, request.path_params)

    async def answer(request: Request) -> Response:
        try:
            found = await operation.handle(services, read(request))
        except ChuanliuError as error:
            return Response.problem(error)
        return found if isinstance(found, Response) else Response.json(found, operation.status)

    return answer
