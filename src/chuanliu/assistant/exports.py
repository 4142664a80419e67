"""What the assistant keeps of a consumer, as she may take it away. Values in, values and bytes out."""

from __future__ import annotations

import csv
import io
from typing import Any

from chuanliu.assistant.tables import AssistantProfile
from chuanliu.clock import iso_text
from chuanliu.money import format_amount


def time_of_day(minute: int) -> str:
    """A minute of the day as `hh:mm`."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def profile_document(profile: AssistantProfile) -> dict[str, Any]:
    """What she has set, with amounts as decimal text."""
    currency = profile.currency
    ideals = zip(profile.product_ids, profile.product_ideals, strict=True)
    return {
        "currency": currency,
        "ideal": format_amount(profile.ideal_minor, currency) if profile.ideal_minor else None,
        "products": [{"product": str(number), "ideal": format_amount(each, currency)} for number, each in ideals],
        "income": format_amount(profile.income_minor, currency) if profile.income_minor else None,
        "reminders": profile.reminders,
        "channels": [each for each in profile.channels.split(",") if each],
        "email": profile.email or None,
        "language": profile.language,
        "time_zone": profile.time_zone,
        "quiet_from": time_of_day(profile.quiet_from),
        "quiet_until": time_of_day(profile.quiet_until),
        "changed_at": iso_text(profile.changed_at) if profile.changed_at else None,
    }


def profile_csv(documents: dict[str, list[dict[str, Any]]]) -> bytes:
    """Everything as rows of kind, number, name and value, in UTF-8 with a byte-order mark for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["kind", "number", "name", "value"])
    for kind, entries in documents.items():
        for number, entry in enumerate(entries, 1):
            for name, value in entry.items():
                writer.writerow([kind, number, name, _cell(value)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cell(value: Any) -> str:
    """Text that no spreadsheet takes for a formula."""
    if isinstance(value, list):
        value = "; ".join(str(each) for each in value)
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
