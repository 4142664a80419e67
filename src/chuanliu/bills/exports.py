"""A statement as CSV and as PDF. Bytes from values: nothing is read or written here."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from chuanliu.bills.statement_store import StatementLine
from chuanliu.bills.tables import Statement
from chuanliu.bills.wording import FIGURE_TEXTS, Tongue, figure_text, kind_text
from chuanliu.clock import wall_text
from chuanliu.money import format_amount

_FONT: Final = "STSong-Light"
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def day_text(day: int) -> str:
    """A yyyymmdd day as `yyyy-mm-dd`."""
    return f"{day // 10_000:04d}-{day // 100 % 100:02d}-{day % 100:02d}"


def signed(minor: int, currency: str) -> str:
    """An amount that may be negative, in decimal text."""
    return ("-" if minor < 0 else "") + format_amount(abs(minor), currency)


def _plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def statement_csv(statement: Statement, lines: Sequence[StatementLine]) -> bytes:
    """The postings, one a row, in UTF-8 with a byte-order mark for spreadsheets; amounts as `owed` adds them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["cycle", "seq", "posted_at", "kind", "text", "amount", "owed", "currency"])
    for line in lines:
        writer.writerow(
            [
                statement.cycle,
                line.seq,
                wall_text(line.posted_at),
                line.kind,
                _plain(line.text),
                signed(line.owed_minor, statement.currency),
                signed(line.balance_owed_minor, statement.currency),
                statement.currency,
            ]
        )
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def statement_pdf(
    statement: Statement, lines: Sequence[StatementLine], product_name: str, lender_name: str, tongue: Tongue
) -> bytes:
    """One statement on A4 pages: the figures, then every posting."""
    registerFont(UnicodeCIDFont(_FONT))
    small = ParagraphStyle("small", fontName=_FONT, fontSize=9, leading=12, wordWrap="CJK")
    large = ParagraphStyle("large", parent=small, fontSize=16, leading=22)
    currency = statement.currency
    figures = [
        [figure_text(name, tongue), signed(getattr(statement, name), currency)]
        for name in FIGURE_TEXTS
        if name in ("due_minor", "minimum_minor", "closing_minor") or getattr(statement, name)
    ]
    postings = [
        [
            wall_text(line.posted_at)[:16],
            kind_text(line.kind, tongue),
            Paragraph(_escaped(line.text), small),
            signed(line.owed_minor, currency),
        ]
        for line in lines
    ]
    out = io.BytesIO()
    page = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=20 * mm, rightMargin=20 * mm, topMargin=18 * mm, bottomMargin=18 * mm,
        title=f"{product_name} {statement.cycle}", invariant=1,
    )  # fmt: skip
    due = ("到期还款日" if tongue == "zh" else "Due") + " " + day_text(statement.due_on)
    page.build(
        [
            Paragraph(_escaped(f"{lender_name} · {product_name}"), large),
            Paragraph(f"{day_text(statement.statement_on)} · {due} · {currency}", small),
            Spacer(1, 6 * mm),
            _table(figures, [110 * mm, 50 * mm]),
            Spacer(1, 6 * mm),
            *([_table(postings, [34 * mm, 38 * mm, 66 * mm, 32 * mm])] if postings else []),
        ]
    )
    return out.getvalue()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _table(rows: Sequence[Sequence[object]], widths: list[float]) -> Table:
    style = TableStyle(
        [
            ("FONT", (0, 0), (-1, -1), _FONT, 9),
            ("ALIGN", (-1, 0), (-1, -1), "RIGHT"),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.lightgrey),
        ]
    )
    return Table(rows, colWidths=widths, style=style, hAlign="LEFT")
