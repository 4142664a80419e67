"""How pages write amounts, counts and codes."""

from __future__ import annotations

from typing import Final

from chuanliu.clock import SECOND, Micros
from chuanliu.money import CURRENCIES, format_amount
from chuanliu.web.language import Language

_SYMBOLS: Final = {"CNY": "¥", "EUR": "€", "GBP": "£", "HKD": "HK$", "JPY": "JP¥", "KRW": "₩", "USD": "US$"}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def amount_text(minor: int, currency: str) -> str:
    """An amount as people write it: `¥1,234.50`, `JP¥500`, `KWD 1.250`."""
    major, point, rest = format_amount(abs(minor), currency).partition(".")
    sign = "−" if minor < 0 else ""
    return f"{sign}{_SYMBOLS.get(currency, currency + ' ')}{int(major):,}{point}{rest}"


def count_text(count: int) -> str:
    """A count with its thousands grouped."""
    return f"{count:,}"


def rate_text(per_second: float) -> str:
    """A rate to read at a glance: one decimal below 100, none above."""
    return f"{per_second:,.1f}" if per_second < 100 else f"{per_second:,.0f}"


def percent_text(ppm: int) -> str:
    """A rate in millionths as a percentage with two places at the most: `13.67%`, `0%`."""
    hundredths = (ppm + 50) // 100
    places = f"{hundredths % 100:02d}".rstrip("0")
    return f"{hundredths // 100}{'.' + places if places else ''}%"


def day_text(day: int, language: Language) -> str:
    """A day of yyyymmdd without its year: `12月10日`, `10 Dec`."""
    month, number = day // 100 % 100, day % 100
    return f"{month}月{number}日" if language is Language.ZH else f"{number} {_MONTHS[month - 1]}"


def month_text(month: int, language: Language) -> str:
    """A month of yyyymm without its year: `12月`, `Dec`."""
    return f"{month % 100}月" if language is Language.ZH else _MONTHS[month % 100 - 1]


def full_month_text(month: int, language: Language) -> str:
    """A month of yyyymm: `2026年12月`, `Dec 2026`."""
    if language is Language.ZH:
        return f"{month // 100}年{month % 100}月"
    return f"{_MONTHS[month % 100 - 1]} {month // 100}"


def short_amount(minor: int, currency: str, language: Language) -> str:
    """An amount in a few characters, for charts: `986`, `1.2k`, `13k`, `1.2M`; in Chinese `9860`, `1.2万`, `120万`."""
    units = minor / 10 ** CURRENCIES[currency].exponent
    steps = ((100_000_000, "亿"), (10_000, "万")) if language is Language.ZH else ((1_000_000, "M"), (1_000, "k"))
    for size, sign in steps:
        # What rounds up to the size is written by it.
        if round(units) >= size:
            scaled = units / size
            return f"{scaled:.1f}{sign}" if scaled < 9.95 else f"{scaled:.0f}{sign}"
    return f"{units:.0f}"


def grouped_digits(digits: str) -> str:
    """A payment code in groups of four, as wallets print it under the barcode."""
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def remaining_text(expires_at: Micros, now: Micros) -> str:
    """Time left as `m:ss`, `h:mm:ss` or `d:hh:mm:ss`; `0:00` when it is over."""
    minutes, seconds = divmod(remaining_seconds(expires_at, now), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}:{hours:02d}:{minutes:02d}:{seconds:02d}"
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def remaining_seconds(expires_at: Micros, now: Micros) -> int:
    """Whole seconds left, never negative."""
    return max(0, expires_at - now) // SECOND


def web_address(address: str) -> str:
    """The address where a page may link to it: http or https, or a path of this site. Else empty.

    Merchants hand these in; `javascript:` and `//elsewhere` never reach a link or a refresh.
    """
    trimmed = address.strip()
    if any(character <= " " for character in trimmed):  # browsers drop tabs and line ends: "/\t/elsewhere"
        return ""
    if trimmed.lower().startswith(("http://", "https://")):
        return trimmed
    own = trimmed.startswith("/") and not trimmed.startswith(("//", "/\\"))
    return trimmed if own else ""
