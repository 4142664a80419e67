"""Questions about one's own bills: `/bills/questions`, a box that works without a script, and its API."""

from __future__ import annotations

import time

from chuanliu.assistant.questions import EXAMPLES, Answer, Proof, answer_to, read_facts, tongue_of
from chuanliu.bills import Tongue, day_text, signed
from chuanliu.gateway.cashier import OwnPages, page_language
from chuanliu.gateway.cashier.session import NOBODY
from chuanliu.gateway.composition import Services
from chuanliu.gateway.consumer import documents
from chuanliu.gateway.native.reading_store import reading
from chuanliu.serving import Request, Response, Router
from chuanliu.web import AnswerView, Language, ProofRow, QuestionView, render_question

PATH = "/bills/questions"
QUESTION_LENGTH_MAX = 300


async def answered(services: Services, consumer_id: int, question: str, tongue: Tongue) -> Answer:
    """The answer to a consumer's question, from her own rows. Raises `NotFound(consumer_not_found)`."""
    async with reading(services) as connection:
        facts = await read_facts(services.engine, connection, consumer_id, time.time_ns() // 1000)
    return answer_to(question, facts, tongue)


def answer_document(answer: Answer) -> documents.QuestionAnswer:
    """An answer for the API."""
    return documents.QuestionAnswer(
        understood=answer.intent is not None,
        intent=answer.intent,
        refusal=answer.refusal or None,
        text=answer.text,
        totals=tuple(documents.QuestionTotal(code, signed(minor, code)) for code, minor in answer.totals.items()),
        proofs=tuple(_proof_document(proof) for proof in answer.proofs),
        notes=answer.notes,
    )


def _proof_document(proof: Proof) -> documents.QuestionProof:
    return documents.QuestionProof(
        kind=proof.kind,
        text=proof.text,
        amount=None if proof.amount_minor is None else signed(proof.amount_minor, proof.currency),
        currency=proof.currency,
        on=None if proof.on is None else day_text(proof.on),
        reference=proof.reference,
        page=proof.path or None,
        counted=proof.counted and proof.amount_minor is not None,
    )


def _answer_view(answer: Answer) -> AnswerView:
    return AnswerView(
        answer.text,
        answer.intent is None,
        tuple(f"{signed(minor, code)} {code}" for code, minor in answer.totals.items()),
        tuple(
            ProofRow(
                "" if proof.on is None else day_text(proof.on),
                proof.text,
                "" if proof.amount_minor is None else f"{signed(proof.amount_minor, proof.currency)} {proof.currency}",
                proof.path,
                proof.counted,
            )
            for proof in answer.proofs
        ),
        answer.notes,
    )


class _QuestionPages(OwnPages):
    async def show(self, request: Request) -> Response:
        """The box, with questions to begin with."""
        self.signed_in(request)
        return self._page(request, "")

    async def ask(self, request: Request) -> Response:
        """The answer, with the box for the next question."""
        session = self.session(request)
        if session.user_id == NOBODY:
            return self.back(request)
        question = request.form().get("question", "").strip()[:QUESTION_LENGTH_MAX]
        if not self.form_is_ours(request, session):
            return self._page(request, "", problem_code="forbidden")
        if not question:
            return self._page(request, "")
        tongue: Tongue = "zh" if page_language(request) is Language.ZH else "en"
        return self._page(request, question, await answered(self.services, session.user_id, question, tongue))

    def _page(
        self, request: Request, question: str, answer: Answer | None = None, *, problem_code: str = ""
    ) -> Response:
        language = page_language(request)
        view = QuestionView(
            language,
            PATH,
            self.token(self.session(request)),
            question,
            tuple(each[language is not Language.ZH] for each in EXAMPLES),
            None if answer is None else _answer_view(answer),
            problem_code,
            self.services.sandbox,
        )
        return Response.html(render_question(view))


def document_tongue(body: documents.QuestionAsked) -> Tongue:
    """The language of the answer: as asked for, or the question's own."""
    return body.language or tongue_of(body.question)


def add_question_routes(router: Router, services: Services) -> None:
    """The page."""
    pages = _QuestionPages(services, "/bills")
    router.add("GET", PATH, pages.page(pages.show))
    router.add("POST", PATH, pages.page(pages.ask))
