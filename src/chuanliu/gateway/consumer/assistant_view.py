"""The assistant's overview as its page shows it: names in the page's language, amounts as people read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chuanliu.assistant import (
    CATEGORY_TEXTS,
    EMAIL,
    IN_APP,
    LEVELS,
    AssistantProfile,
    Overview,
    Share,
    time_of_day,
)
from chuanliu.clock import Micros
from chuanliu.engine import Reference
from chuanliu.instalments import OwnLimit
from chuanliu.lenders import LENDER, find_product, lender_of
from chuanliu.money import format_amount
from chuanliu.web import (
    AssistantView,
    Language,
    LimitsView,
    MessageView,
    MonthView,
    PressureView,
    ProductView,
    RingView,
    SettingsView,
    SharesView,
    ShareView,
    plan_name,
)


def limits_view(limit: OwnLimit | None, currency: str, now: Micros) -> LimitsView:
    """A consumer's own limits as the form shows them: those that she wants in the end."""
    if limit is None:
        return LimitsView(currency)
    wanted, currency = limit.wanted, limit.currency

    def amount(minor: int) -> str:
        return format_amount(minor, currency) if minor else ""

    return LimitsView(
        currency,
        amount(wanted.stop_minor),
        str(wanted.cooling_hours) if wanted.cooling_hours else "",
        amount(wanted.cooling_from_minor),
        limit.next_at if limit.next_at is not None and limit.next_at > now else None,
    )


def assistant_view(
    overview: Overview,
    limits: LimitsView,
    reference: Reference,
    language: Language,
    csrf_token: str,
    *,
    messages: tuple[MessageView, ...] = (),
    problem_code: str = "",
    sandbox: bool = False,
) -> AssistantView:
    """All of the page."""
    return AssistantView(
        language,
        "/assistant",
        csrf_token,
        overview.currency,
        ring=_ring(overview),
        pressure=_pressure(overview),
        months=tuple(
            MonthView(
                each.month,
                each.left_minor,
                max(0, each.left_minor - each.mirrored_minor),
                min(each.left_minor, each.mirrored_minor),
                each.overdue_minor + each.charges_minor,
                each.days,
            )
            for each in overview.calendar
        ),
        later_minor=overview.later_minor,
        shares=_shares(overview, reference, language),
        products=tuple(
            ProductView(
                str(each.product_id),
                product_title(reference, each.product_id, language),
                each.bill_minor,
                each.ideal_minor,
                each.percent,
                each.owed_minor,
                format_amount(each.ideal_minor, overview.currency) if each.ideal_minor else "",
            )
            for each in overview.products
        ),
        settings=_settings(overview.profile),
        limits=limits,
        messages=messages,
        problem_code=problem_code,
        sandbox=sandbox,
    )


def product_title(reference: Reference, product_id: int, language: Language) -> str:
    """Lender and product in the page's language."""
    product = find_product(reference, product_id)
    if product is None:
        return str(product_id)
    lender = lender_of(reference, product)
    if language is Language.ZH:
        return f"{lender.name_zh} · {product.name_zh}"
    return f"{lender.name} · {product.name}"


def _ring(overview: Overview) -> RingView:
    progress = overview.progress
    reason = overview.proposal.reason if overview.proposed and overview.proposal is not None else ""
    return RingView(
        progress.month,
        progress.bill_minor,
        progress.committed_minor,
        progress.repaid_minor,
        progress.ideal_minor,
        progress.percent,
        progress.opened_on,
        progress.closes_on,
        progress.days_left,
        progress.due_days,
        tuple(progress.end) if progress.end is not None else (),
        reason,
    )


def _pressure(overview: Overview) -> PressureView | None:
    found = overview.pressure
    if found is None:
        return None
    return PressureView(
        found.index,
        found.level,
        found.load,
        found.history,
        found.months,
        found.ideal_minor,
        found.late_statements,
        found.statements,
        found.overdue_minor,
        LEVELS,
    )


def _shares(overview: Overview, reference: Reference, language: Language) -> SharesView:
    english = language is Language.EN

    def lender_name(number: str) -> str:
        found = reference.find(LENDER, "lender_id", int(number))
        return (found[0].name if english else found[0].name_zh) if found else number

    shares = overview.shares
    return SharesView(
        shares.month,
        shares.total_minor,
        shares.before_minor,
        _named(shares.by_category, lambda name: CATEGORY_TEXTS[name][english]),
        _named(shares.by_lender, lender_name),
        _named(shares.by_plan, lambda count: plan_name(int(count), language)),
    )


def _named(shares: Sequence[Share], name: Callable[[str], str]) -> tuple[ShareView, ...]:
    return tuple(ShareView(name(each.name), each.amount_minor, each.bps, each.before_minor) for each in shares)


def _settings(profile: AssistantProfile) -> SettingsView:
    currency, channels = profile.currency, profile.channels.split(",")
    return SettingsView(
        format_amount(profile.ideal_minor, currency) if profile.ideal_minor else "",
        format_amount(profile.income_minor, currency) if profile.income_minor else "",
        profile.reminders,
        IN_APP in channels,
        EMAIL in channels,
        profile.email,
        profile.time_zone,
        time_of_day(profile.quiet_from),
        time_of_day(profile.quiet_until),
    )
