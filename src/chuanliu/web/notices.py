"""Pages that say what happened: errors, and the waiting line."""

from __future__ import annotations

import msgspec

from chuanliu.web.language import Language
from chuanliu.web.rendering import render


class ErrorView(msgspec.Struct, frozen=True):
    """An error as a person meets it. `status` is the HTTP status, `code` one of `errors.CODES`; no detail is leaked."""

    language: Language
    page_path: str
    status: int
    code: str
    trace_id: str = ""
    back_url: str = ""


class WaitingView(msgspec.Struct, frozen=True):
    """The platform is full for the moment. The page asks `retry_url` again after `retry_seconds` (1 to 60).

    With `fields` it sends them there as a form, in `charset`, as what was turned away had come.
    """

    language: Language
    page_path: str
    retry_url: str
    retry_seconds: int = 3
    ahead_count: int | None = None
    fields: tuple[tuple[str, str], ...] = ()
    charset: str = "utf-8"


def render_error(view: ErrorView) -> str:
    """The page for 404, 500 and every coded refusal that is met in a browser."""
    match view.status:
        case 404:
            heading, hint = "notice.not_found", "notice.not_found_hint"
        case status if status >= 500:
            heading, hint = "notice.internal", "notice.internal_hint"
        case _:
            heading, hint = "notice.problem", ""
    return render("error.html", view.language, view=view, heading=heading, hint=hint)


def render_waiting(view: WaitingView) -> str:
    """The page of the waiting line; it refreshes itself and says that nothing was charged."""
    return render("waiting.html", view.language, view=view, retry_seconds=min(60, max(1, view.retry_seconds)))
