"""Bills: the list of a consumer's statements, and one of them with its postings. Made for a phone first."""

from __future__ import annotations

import msgspec

from chuanliu.web.cashier import SignIn
from chuanliu.web.language import Language
from chuanliu.web.rendering import render


class BillRow(msgspec.Struct, frozen=True):
    """One statement in the list. `owed_minor` is billed on its line now, 0 on all but the newest of a line."""

    title: str
    statement_on: str
    due_on: str
    due_minor: int
    minimum_minor: int
    currency: str
    path: str


class OwedRow(msgspec.Struct, frozen=True):
    """What is billed and unpaid on a line, with the form that repays it: `action` gets `csrf_token`, `lang`, `line`."""

    title: str
    line: str
    auto_repay: bool


class MirroredRow(msgspec.Struct, frozen=True):
    """What another lender bills, as seen here or, as `label` says, as the bank has billed it."""

    title: str
    due_on: str
    due_minor: int
    currency: str
    label: str = ""


class BillsView(msgspec.Struct, frozen=True):
    """The list. With `sign_in` nobody has signed in, and nothing else is shown."""

    language: Language
    page_path: str
    action: str
    csrf_token: str
    sign_in: SignIn | None = None
    bills: tuple[BillRow, ...] = ()
    lines: tuple[OwedRow, ...] = ()
    mirrored: tuple[MirroredRow, ...] = ()
    problem_code: str = ""
    sandbox: bool = False


class RepaymentView(msgspec.Struct, frozen=True):
    """Methods of automatic repayment in their order; with `text`, what is to be agreed to, whose digest is `consent`.

    `cards` are numbers and names that may be chosen besides `balance`, `chosen` values in order, `places` count from 1.
    """

    language: Language
    page_path: str
    csrf_token: str
    title: str
    cards: tuple[tuple[str, str], ...]
    chosen: tuple[str, ...]
    partial: bool
    automatic: bool
    places: tuple[int, ...]
    text: tuple[str, ...] = ()
    consent: str = ""
    problem_code: str = ""
    sandbox: bool = False


class StatementView(msgspec.Struct, frozen=True):
    """One statement: figures by name, and postings as (time, what, text, amount in decimal text)."""

    language: Language
    page_path: str
    title: str
    statement_on: str
    due_on: str
    due_minor: int
    minimum_minor: int
    currency: str
    figures: tuple[tuple[str, str], ...]
    postings: tuple[tuple[str, str, str, str], ...]


def render_bills(view: BillsView) -> str:
    """The list of bills, or the form to sign in."""
    return render("bills.html", view.language, view=view, stage=view.sign_in)


def render_repayment(view: RepaymentView) -> str:
    """What a line is repaid from."""
    return render("repayment.html", view.language, view=view)


def render_statement(view: StatementView) -> str:
    """One statement."""
    return render("statement.html", view.language, view=view)
