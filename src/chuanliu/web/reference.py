"""The API reference page, made from the OpenAPI document that the native API serves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from markupsafe import Markup, escape

from chuanliu.errors import CODES
from chuanliu.web.error_texts import error_text
from chuanliu.web.language import Language
from chuanliu.web.openapi_reading import read_document
from chuanliu.web.rendering import render

_CODE_SPAN: Final = re.compile(r"`([^`\n]+)`")
_SCHEMAS_PREFIX: Final = "schema-"


class ReferenceView(msgspec.Struct, frozen=True):
    """The reference page. `document` is an OpenAPI 3.1 document, `document_url` serves it as JSON."""

    language: Language
    page_path: str
    document: Mapping[str, Any]
    document_url: str
    error_codes: Sequence[str] = tuple(CODES)


def render_reference(view: ReferenceView) -> str:
    """The page as HTML. It costs milliseconds and depends on the view only: render it once a process and language."""
    return render(
        "reference.html",
        view.language,
        view=view,
        document=read_document(view.document),
        errors=[(code, error_text(code, view.language)) for code in view.error_codes],
        prose=prose,
        prose_line=prose_line,
        schema_anchor=_schema_anchor,
    )


def prose(text: str) -> Markup:
    """Paragraphs and `code` of a CommonMark description as HTML; everything else stays text."""
    paragraphs = (part.strip() for part in re.split(r"\n[ \t]*\n", text))
    return Markup("").join(Markup("<p>{}</p>").format(prose_line(part)) for part in paragraphs if part)


def prose_line(paragraph: str) -> Markup:
    """One paragraph with its `code` marked."""
    pieces = _CODE_SPAN.split(paragraph)
    drawn = (Markup("<code>{}</code>").format(piece) if i % 2 else escape(piece) for i, piece in enumerate(pieces))
    return Markup("").join(drawn)


def _schema_anchor(name: str) -> str:
    return _SCHEMAS_PREFIX + name
