"""The bill assistant's page: a ring, pressure, twelve months, shares, and what can be set. Made for a phone first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from chuanliu.clock import Micros
from chuanliu.web.cashier import SignIn
from chuanliu.web.charts import SHADES, Column, columns_svg, gauge_svg, ring_svg, shares_svg
from chuanliu.web.language import Language
from chuanliu.web.rendering import render
from chuanliu.web.texts import text
from chuanliu.web.wording import amount_text, month_text, short_amount


class RingView(msgspec.Struct, frozen=True):
    """This month's bill against the ideal one. Amounts in minor units, months yyyymm, days yyyymmdd.

    `end` is low, middle, high of where it will end; empty where that cannot be said yet. `reason` says why the ideal
    is as proposed, empty where she set it herself.
    """

    month: int
    bill_minor: int
    committed_minor: int
    repaid_minor: int
    ideal_minor: int
    percent: int | None
    opened_on: int
    closes_on: int
    days_left: int
    due_days: tuple[int, ...]
    end: tuple[int, ...]
    reason: str


class PressureView(msgspec.Struct, frozen=True):
    """The index with its inputs; `months` are yyyymm with what is unpaid, `levels` the scale."""

    index: int
    level: str
    load: int
    history: int
    months: tuple[tuple[int, int], ...]
    ideal_minor: int
    late_statements: int
    statements: int
    overdue_minor: int
    levels: tuple[tuple[str, int], ...]


class MonthView(msgspec.Struct, frozen=True):
    """One month of the calendar. `own_minor` is unpaid on lines here, `mirrored_minor` due to other lenders."""

    month: int
    left_minor: int
    own_minor: int
    mirrored_minor: int
    overdue_minor: int
    days: tuple[tuple[int, int], ...]


class ShareView(msgspec.Struct, frozen=True):
    """One kind of purchases: its name in the page's language, this month and the month before."""

    name: str
    amount_minor: int
    bps: int
    before_minor: int


class SharesView(msgspec.Struct, frozen=True):
    """A month's purchases; each list sums to `total_minor`."""

    month: int
    total_minor: int
    before_minor: int
    by_category: tuple[ShareView, ...]
    by_lender: tuple[ShareView, ...]
    by_plan: tuple[ShareView, ...]


class ProductView(msgspec.Struct, frozen=True):
    """A product with its part of the bill and its ideal, 0 for none; `owed_minor` None where it is mirrored.

    `ideal_text` is the ideal as decimal text, empty for none.
    """

    number: str
    title: str
    bill_minor: int
    ideal_minor: int
    percent: int | None
    owed_minor: int | None
    ideal_text: str = ""


class SettingsView(msgspec.Struct, frozen=True):
    """What is set, as the form shows it; amounts are decimal text, empty for none."""

    ideal: str
    income: str
    reminders: bool
    in_app: bool
    by_email: bool
    email: str
    time_zone: str
    quiet_from: str
    quiet_until: str


class LimitsView(msgspec.Struct, frozen=True):
    """Limits that she sets for herself, as decimal text, empty for none. Looser ones hold from `looser_at` on."""

    currency: str
    stop: str = ""
    cooling_hours: str = ""
    cooling_from: str = ""
    looser_at: Micros | None = None


class OffView(msgspec.Struct, frozen=True):
    """What a message's link opens: the question, or that reminders are off."""

    language: Language
    page_path: str
    token: str
    done: bool


class MessageView(msgspec.Struct, frozen=True):
    """A message in the app, with when it came, as a wall clock shows it."""

    subject: str
    body: str
    came: str


class AssistantView(msgspec.Struct, frozen=True):
    """The page. With `sign_in` nobody has signed in, and nothing else is shown."""

    language: Language
    page_path: str
    csrf_token: str
    currency: str = "CNY"
    sign_in: SignIn | None = None
    ring: RingView | None = None
    pressure: PressureView | None = None
    months: tuple[MonthView, ...] = ()
    later_minor: int = 0
    shares: SharesView | None = None
    products: tuple[ProductView, ...] = ()
    settings: SettingsView | None = None
    limits: LimitsView | None = None
    messages: tuple[MessageView, ...] = ()
    problem_code: str = ""
    sandbox: bool = False


_REASONS: Final = {
    "income": "assistant.reason_income",
    "history": "assistant.reason_history",
    "commitments": "assistant.reason_commitments",
}
_LEVELS: Final = {
    "calm": "assistant.calm",
    "watch": "assistant.watch",
    "heavy": "assistant.heavy",
    "critical": "assistant.critical",
}


def render_off(view: OffView) -> str:
    """The page behind a message's link."""
    return render("assistant-off.html", view.language, view=view)


def plan_name(instalments: int, language: Language) -> str:
    """How a purchase is paid, in words."""
    if instalments == 1:
        return text("assistant.in_one", language)
    return text("assistant.in_instalments", language, count=instalments)


def render_assistant(view: AssistantView) -> str:
    """The page, or the form to sign in."""
    charts = {}
    if view.ring is not None:
        charts["ring"] = _ring(view.ring, view)
    if view.pressure is not None:
        label = text("assistant.pressure_label", view.language, index=view.pressure.index)
        charts["gauge"] = gauge_svg(view.pressure.index, view.pressure.levels, label)
    if view.months:
        charts["calendar"] = _calendar(view)
    if view.shares is not None:
        for name in ("by_category", "by_lender", "by_plan"):
            charts[name] = _bar(getattr(view.shares, name))
    return render(
        "assistant.html",
        view.language,
        view=view,
        stage=view.sign_in,
        charts=charts,
        reasons=_REASONS,
        levels=_LEVELS,
        shades=SHADES,
    )


def _bps(part_minor: int, whole_minor: int) -> int:
    return 10_000 * part_minor // whole_minor if whole_minor else 0


def _ring(ring: RingView, view: AssistantView) -> object:
    bill = amount_text(ring.bill_minor, view.currency)
    ideal = amount_text(ring.ideal_minor, view.currency)
    centre = bill if ring.percent is None else f"{ring.percent}%"
    below = "" if ring.percent is None else text("assistant.of_ideal", view.language)
    label = text("assistant.ring_label", view.language, bill=bill, ideal=ideal)
    return ring_svg(
        ring.percent,
        _bps(ring.committed_minor, ring.ideal_minor),
        _bps(ring.bill_minor, ring.ideal_minor),
        _bps(ring.end[1], ring.ideal_minor) if ring.end else None,
        centre,
        below,
        label,
    )


def _calendar(view: AssistantView) -> object:
    ideal = view.ring.ideal_minor if view.ring is not None else 0
    columns = [
        Column(
            month_text(each.month, view.language),
            (each.own_minor, each.mirrored_minor),
            short_amount(each.left_minor, view.currency, view.language) if each.left_minor else "",
            0 < ideal < each.left_minor,
        )
        for each in view.months
    ]
    said = text("assistant.ideal_line", view.language, amount=amount_text(ideal, view.currency)) if ideal else ""
    return columns_svg(columns, ideal, said, text("assistant.calendar_label", view.language))


def _bar(shares: Sequence[ShareView]) -> object:
    said = ", ".join(f"{each.name} {each.bps / 100:.0f}%" for each in shares if each.bps)
    return shares_svg([each.bps for each in shares], said or "0%")
