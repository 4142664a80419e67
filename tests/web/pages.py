"""Every page in every state, for the tests of this folder, and a strict reader of what they render."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

from chuanliu.clock import MINUTE, SECOND
from chuanliu.web import (
    AlreadyPaid,
    AnswerView,
    CashierView,
    Choice,
    Choose,
    Closed,
    Credentials,
    DemoConsumer,
    ErrorView,
    Expired,
    InProgress,
    Language,
    LiveFigures,
    Means,
    OffView,
    OrderSummary,
    Paid,
    ProofRow,
    QuestionView,
    ReferenceView,
    RepaymentView,
    SignIn,
    Stage,
    StartView,
    WaitingView,
    Wallet,
    render_assistant,
    render_cashier,
    render_error,
    render_off,
    render_question,
    render_reference,
    render_repayment,
    render_start,
    render_waiting,
)
from web.assistant_pages import assistant_views
from web.operations_pages import operations_pages

NOW = 1_794_000_000 * SECOND
HOSTILE = """"><script>alert(1)</script><img src=x onerror='alert(2)'>{{ 7*7 }}</title>&amp;"""

CREDENTIALS = Credentials("2021000000000001", "2088000000000011", "PKCS8+/=", "PKCS1+/=", "SPKI+/=", "ck_test_1")

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Native API", "version": "1.2.3", "description": "Pays.\n\nUse `Idempotency-Key`."},
    "servers": [{"url": "http://127.0.0.1:8080"}],
    "tags": [{"name": "payments", "description": "What pays."}],
    "paths": {
        "/v1/payments/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {
                "tags": ["payments"],
                "summary": "Read a payment",
                "responses": {
                    "200": {
                        "description": "Found",
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Payment"},
                                "example": {"id": "42"},
                            }
                        },
                    },
                    "404": {"description": "No such payment"},
                },
            },
            "delete": {"summary": "Void", "deprecated": True},
        }
    },
    "components": {
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "The `API` key."}},
        "schemas": {
            "Payment": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string", "maxLength": 19},
                    "amount": {"$ref": "#/components/schemas/Amount"},
                    "legs": {"type": "array", "items": {"type": "object", "properties": {"no": {"type": "integer"}}}},
                    "next": {"anyOf": [{"$ref": "#/components/schemas/Payment"}, {"type": "null"}]},
                },
            },
            "Amount": {"type": "string", "enum": ["1.00", "2.00"]},
            "Circle": {"$ref": "#/components/schemas/Circle"},
            "Lost": {"$ref": "#/components/schemas/Nowhere"},
            "Bare": {"type": "array", "items": {}},
        },
    },
}


def order_of(word: str = "明前龙井", link: str = "https://shop.example/cart") -> OrderSummary:
    return OrderSummary(word, word, 128_800, "CNY", word, "2026111120000123456789012345", NOW + 5 * MINUTE, link)


def stages_of(word: str = "*小川", link: str = "https://shop.example/back?a=1&b=2") -> dict[str, Stage]:
    payable = Means("balance", available_minor=520_000, choices=(Choice(0, (128_800,)),))
    poor = Means("balance", available_minor=350, refusal_code="balance_insufficient")
    off = Means("credit_card", word, word, word, refusal_code="product_suspended")
    line = Means(
        "credit_line",
        word,
        word,
        "",
        900_000,
        choices=(
            Choice(1, (128_800,), first_due=20261210),
            Choice(2, (43_922, 43_920, 43_920), 2_962, 2_962, 137_123, 20261210),
            Choice(3, (21_469, 21_467, 21_466, 21_466, 21_466, 21_466), 0, 5_796, 0, 20261210),
        ),
        refused=((12, "credit_line_insufficient"),),
    )
    card = Means("credit_card", word, word, word, choices=(Choice(4, (128_800,), first_due=20261115),))
    people = (DemoConsumer("2088000000000101", word, 100_000),)
    return {
        "sign-in": SignIn("/pay/1", word, people, word, "/pay/1/status", word),
        "sign-in bare": SignIn("/pay/1", word, problem_code="buyer_not_found"),
        "choose": Choose("/pay/1", word, word, (payable, poor), "77", "/pay/1/out"),
        "choose in instalments": Choose("/pay/1", word, word, (line, payable, card, off), "77", "/pay/1/out"),
        "choose again": Choose("/pay/1", word, word, (payable, line), "78", problem_code="quote_expired"),
        "insufficient": Choose("/pay/1", word, word, (poor,), problem_code="balance_insufficient"),
        "no method": Choose("/pay/1", word, word, ()),
        "in-progress": InProgress("/pay/1?again=1"),
        "paid": Paid(NOW, word, Means("balance"), link),
        "paid in instalments": Paid(NOW, word, line, choice=line.choices[1]),
        "paid without return": Paid(NOW, word, card),
        "already-paid": AlreadyPaid(NOW),
        "already-paid at unknown time": AlreadyPaid(),
        "closed": Closed(),
        "expired": Expired(),
    }


def start_view(language: Language, word: str = "*小川", official: str = "http://127.0.0.77") -> StartView:
    return StartView(
        language=language,
        page_path="/",
        base_url="http://127.0.0.1:8080",
        credentials=CREDENTIALS,
        wallets=(Wallet("2088000000000101", word, 100_000, "287654321098765432"),),
        live=LiveFigures(12.4, (1.0, 2.0, 3.0), 184_223, 987_654_321, "CNY", 12, 13, 14, 15),
        live_url="/live",
        wallets_url="/wallets",
        payment_code_url="/sandbox/code",
        demo_order_action="/demo",
        csrf_token=word,
        reference_url="/reference",
        official_base_url=official,
        official_refusal="" if official else word,
    )


def cashier_page(language: Language, stage: Stage, order: OrderSummary) -> str:
    return render_cashier(CashierView(language, "/pay/1?x=1", NOW, order, stage))


def question_views(language: Language, word: str) -> dict[str, QuestionView]:
    path, examples = "/bills/questions", ("3 月要还多少？", "How much do I owe in March?")
    proofs = (
        ProofRow("2027-03-09", f"{word} · 一次付清", "1023.00 CNY", "/bills/7/202703", counted=True),
        ProofRow("", f"{word} Bank · River Line with a long name · limit 50,000.00 CNY", "", "", counted=False),
        ProofRow("2027-03-09", "As seen here", "20.00 CNY", "", counted=False),
    )
    answer = AnswerView(f"应还 1,023.00 CNY {word}", False, ("1023.00 CNY",), proofs, (f"到期 {word}",))
    return {
        "asked for": QuestionView(language, path, "token", "", examples, sandbox=True),
        "answered": QuestionView(language, path, "token", f'"{word}" <3 月>', examples, answer),
        "refused": QuestionView(language, path, "token", word, examples, AnswerView("I do not know that.", True)),
        "forged": QuestionView(language, path, "token", "", examples, problem_code="forbidden"),
    }


def repayment_views(language: Language, word: str) -> dict[str, RepaymentView]:
    """A line that is repaid by two methods, and the text of another order."""
    values: dict[str, Any] = {
        "language": language,
        "page_path": "/bills/repayment/7",
        "csrf_token": "abc",
        "title": f"{word} · 信用购",
        "cards": (("8", f"{word} 借记卡 **** 0001"), ("9", "Bank of Chuan debit card **** 0002")),
        "chosen": ("8", "balance"),
        "partial": True,
        "automatic": True,
        "places": (1, 2, 3),
        "problem_code": "instrument_not_found",
        "sandbox": True,
    }
    text = (
        "本人同意在到期还款日自动还款。",
        "I agree that what is billed is repaid by itself.",
        f"1. {word} **** 0001",
        "2. 余额",
    )
    return {
        "choosing": RepaymentView(**values),
        "reading": RepaymentView(**values, text=text, consent="00" * 32),
    }


def every_page(language: Language, word: str = "*小川", link: str = "https://shop.example/b?a=1&b=2") -> dict[str, str]:
    pages = {
        f"cashier {name}": cashier_page(language, stage, order_of(word, link))
        for name, stage in stages_of(word, link).items()
    }
    pages["start"] = render_start(start_view(language, word))
    pages["start without port 80"] = render_start(start_view(language, word, official=""))
    pages["reference"] = render_reference(ReferenceView(language, "/reference", DOCUMENT, "/openapi.json"))
    pages["waiting"] = render_waiting(WaitingView(language, "/pay/1", "/pay/1", 3, 1_240))
    pages["waiting unknown"] = render_waiting(WaitingView(language, "/pay/1", "/pay/1", 600))
    for status, code in ((404, "route_not_found"), (500, "internal"), (422, "order_not_found")):
        pages[f"error {status}"] = render_error(ErrorView(language, "/x", status, code, word, link))
    pages |= {f"question {name}": render_question(view) for name, view in question_views(language, word).items()}
    for done in (False, True):
        pages[f"reminders off {done}"] = render_off(OffView(language, "/assistant/off?t=abc", "abc", done))
    for name, view in repayment_views(language, word).items():
        pages[f"repayment {name}"] = render_repayment(view)
    pages |= operations_pages(language, word)
    pages |= {name: render_assistant(view) for name, view in assistant_views(language, word).items()}
    return pages


class StrictReader(HTMLParser):
    """Collects elements and faults: unbalanced tags, repeated ids or attributes, anything inline that a CSP forbids."""

    VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self._ids: set[str] = set()
        self.feed(page)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]
        targets = [a["for"] for _, a in self.elements if "for" in a] + [
            a["href"][1:] for t, a in self.elements if t == "a" and a.get("href", "").startswith("#")
        ]
        self.faults += [f"nothing has the id {target}" for target in targets if target not in self._ids]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if len(given) != len(attrs):
            self.faults.append(f"<{tag}> repeats an attribute")
        if given.get("id", "") in self._ids:
            self.faults.append(f"the id {given['id']} is used twice")
        self._ids |= {given["id"]} if "id" in given else set()
        self.faults += [f"<{tag}> has {name}" for name in given if name.startswith("on") or name == "style"]
        if tag == "style":
            self.faults.append("inline style")
        self.elements.append((tag, given))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self._open[-1:]}")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["script"] and data.strip():
            self.faults.append("inline script")
        self.words.append(data)

    @property
    def text(self) -> str:
        """All text of the page, white space collapsed."""
        return " ".join("".join(self.words).split())

    def having(self, tag: str, wanted: Callable[[dict[str, str]], bool]) -> list[dict[str, str]]:
        """Attributes of the elements of a name that satisfy a condition."""
        return [given for name, given in self.elements if name == tag and wanted(given)]
