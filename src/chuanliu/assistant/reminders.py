"""Reminders: which occasions there are, when it is too late in the day for them, and what they say."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from chuanliu.assistant.overview import Overview
from chuanliu.assistant.tables import AssistantProfile
from chuanliu.bills import day_text
from chuanliu.clock import SECOND, Micros, date_of
from chuanliu.money import format_amount

THRESHOLDS: Final = (100, 80, 50)
"""In per cent of the ideal bill; only the highest that is reached is an occasion."""
DAYS_BEFORE_DUE: Final = 3
HEAVY_PERCENT: Final = 90


class Occasion(NamedTuple):
    """Something to remind of, once. `key` names it for ever; `on` is yyyymmdd or yyyymm, by kind."""

    key: str
    kind: str
    on: int
    amount_minor: int
    percent: int = 0


def occasions_of(overview: Overview) -> tuple[Occasion, ...]:
    """What there is to say now. Shares and heavy months only against an ideal bill that she set herself."""
    found: list[Occasion] = []
    progress = overview.progress
    if overview.profile.ideal_minor:
        found += _share(progress.percent, f"{progress.month}", progress.month, progress.bill_minor)
        for month in overview.calendar:
            percent = 100 * month.left_minor // overview.profile.ideal_minor
            if month.month > progress.month and percent >= HEAVY_PERCENT:
                found.append(Occasion(f"heavy-{month.month}", "heavy", month.month, month.left_minor, percent))
    for product in overview.products:
        found += _share(product.percent, f"{progress.month}-{product.product_id}", progress.month, product.bill_minor)
    today = date_of(overview.today)
    for month in overview.calendar[:2]:
        for day, left in month.days:
            if 0 <= (date_of(day) - today).days <= DAYS_BEFORE_DUE:
                found.append(Occasion(f"due-{day}", "due", day, left))
    return tuple(found)


def _share(percent: int | None, what: str, month: int, bill_minor: int) -> list[Occasion]:
    reached = next((each for each in THRESHOLDS if percent is not None and percent >= each), None)
    return [] if reached is None else [Occasion(f"share-{reached}-{what}", "share", month, bill_minor, percent or 0)]


def is_quiet(profile: AssistantProfile, now: Micros) -> bool:
    """Whether it is in her quiet hours, in her zone; hours that begin in the evening end in the morning."""
    local = datetime.fromtimestamp(now / SECOND, ZoneInfo(profile.time_zone))
    minute, begin, end = local.hour * 60 + local.minute, profile.quiet_from, profile.quiet_until
    return begin <= minute < end if begin <= end else minute >= begin or minute < end


def _month_text(month: int) -> str:
    return f"{month // 100}-{month % 100:02d}"


def words_of(occasion: Occasion, currency: str, language: str) -> tuple[str, str]:
    """Subject and body of a reminder, gently."""
    amount = f"{format_amount(occasion.amount_minor, currency)} {currency}"
    chinese = language == "zh"
    match occasion.kind:
        case "share":
            month = _month_text(occasion.on)
            if chinese:
                return (
                    f"{month} 账单已达理想账单的 {occasion.percent}%",
                    f"{month} 的账单目前是 {amount}，是您理想账单的 {occasion.percent}%。",
                )
            return (
                f"Your {month} bill is at {occasion.percent}% of your ideal",
                f"The bill of {month} stands at {amount}, {occasion.percent}% of your ideal bill.",
            )
        case "heavy":
            month = _month_text(occasion.on)
            if chinese:
                return (
                    f"{month} 已经有些重了",
                    f"{month} 已确定要还 {amount}，是您理想账单的 {occasion.percent}%。之前少用一点信用会轻松些。",
                )
            return (
                f"{month} is already heavy",
                f"{amount} is to be paid in {month} already, {occasion.percent}% of your ideal bill. "
                "A little less on credit until then makes it lighter.",
            )
    day = day_text(occasion.on)
    if chinese:
        return f"{day} 还款 {amount}", f"{day} 有 {amount} 到期。其他机构的款项仅为本平台所见。"
    return (
        f"{amount} due on {day}",
        f"{amount} is due on {day}. What other lenders bill is only as seen here.",
    )
