"""Pages that stand alone: a file that somebody keeps or sends, with the stylesheet inside."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Final

import msgspec
from markupsafe import Markup

from chuanliu.web.language import Language
from chuanliu.web.rendering import render

_STYLES: Final = (files("chuanliu.web") / "static" / "chuanliu.css").read_text(encoding="utf-8")


class Picture(msgspec.Struct, frozen=True):
    """A picture with its legend (class and name) and the table behind it."""

    title: str
    svg: Markup
    legend: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


class Listing(msgspec.Struct, frozen=True):
    """A table by itself."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


class Sheet(msgspec.Struct, frozen=True):
    """A report: the verdict (`is_good`), figures in large type, what is to be read first, pictures, tables."""

    title: str
    lead: str
    verdict: str
    is_good: bool
    figures: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]
    pictures: Sequence[Picture]
    listings: Sequence[Listing]


def render_sheet(sheet: Sheet) -> str:
    """The report as one HTML file."""
    return render("sheet.html", Language.EN, sheet=sheet, styles=Markup(_STYLES))  # noqa: S704 - our own file
