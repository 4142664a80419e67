"""What a question names: months, days, amounts, shops, products, numbers of payments. Found and masked, so that what
is left is the question itself.

A month without its year is resolved by what is asked for: what was spent lies behind, what is due lies ahead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

import msgspec

from chuanliu.assistant.questions.normalising import normalised
from chuanliu.clock import day_number

MONTH, DAY, AMOUNT, SHOP, PRODUCT, NUMBER, COUNT, PERSON = "\ue000\ue001\ue002\ue003\ue004\ue005\ue006\ue007"
"""What stands in a masked question for each thing that was named."""
MASKS: Final = frozenset((MONTH, DAY, AMOUNT, SHOP, PRODUCT, NUMBER, COUNT, PERSON))

Tense = Literal["past", "due"]

AHEAD_MONTHS: Final = 8
"""How many months ahead a month that is named alone may lie, where what is due is asked for; else it is behind."""


class Named(NamedTuple):
    """Something with a name that a question may name: its key, and the names that it goes by."""

    key: str
    names: tuple[str, ...]


class Slots(msgspec.Struct, frozen=True):
    """What a question names. `month` is yyyymm, `day` yyyymmdd, `bill` which one; None where it names nothing."""

    month: int | None = None
    day: int | None = None
    bill: str | None = None
    amount_minor: int | None = None
    shop: str | None = None
    product: str | None = None
    reference: str | None = None
    count: int | None = None


class _MonthName(NamedTuple):
    """A month as it was said: `offset` months from now, or a number of a year that may have to be found."""

    number: int = 0
    year: int | None = None
    offset: int | None = None


class Found(msgspec.Struct, frozen=True):
    """A question with what it names taken out: `masked` is the rest. `person` is somebody else's user number."""

    masked: str
    month: _MonthName | None
    day: int | None
    bill: str | None
    amount_minor: int | None
    shop: str | None
    product: str | None
    reference: str | None
    count: int | None
    person: bool

    def slots(self, tense: Tense, today: date) -> Slots:
        """The slots, with the month's year by what is asked for."""
        month = None if self.month is None else resolved(self.month, tense, today)
        return Slots(month, self.day, self.bill, self.amount_minor, self.shop, self.product, self.reference, self.count)


_DIGITS: Final = {character: at for at, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS: Final = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_ZH: Final = "[零〇一二两三四五六七八九十百千万]"
_EN_MONTHS: Final = (
    "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
    "september sept sep", "october oct", "november nov", "december dec",
)  # fmt: skip
_EN_MONTH_NUMBERS: Final = {name: at for at, names in enumerate(_EN_MONTHS, 1) for name in names.split()}
_EN_MONTH: Final = "|".join(sorted(_EN_MONTH_NUMBERS, key=len, reverse=True))
_FEASTS: Final = {"双11": (11, 11), "双十一": (11, 11), "双12": (12, 12), "双十二": (12, 12), "618": (6, 18)}


def chinese_number(text: str) -> int:
    """A number in Chinese or Arabic digits: 三百五十, 十二, 12. Up to 万."""
    if text.isascii():
        return int(text)
    whole = part = digit = 0
    for character in text:
        if character in _DIGITS:
            digit = _DIGITS[character]
            continue
        unit = _UNITS[character]
        if unit == 10_000:
            whole, part, digit = (whole + part + digit) * unit, 0, 0
        else:
            part += (digit or 1) * unit
            digit = 0
    return whole + part + digit


def shifted(year: int, month: int, by: int) -> int:
    """The month so many months on, as yyyymm."""
    at = year * 12 + month - 1 + by
    return at // 12 * 100 + at % 12 + 1


def resolved(said: _MonthName, tense: Tense, today: date) -> int:
    """The month that was meant, as yyyymm."""
    if said.offset is not None:
        return shifted(today.year, today.month, said.offset)
    if said.year is not None:
        return said.year * 100 + said.number
    ahead = (said.number - today.month) % 12
    by = ahead if ahead == 0 or (tense == "due" and ahead <= AHEAD_MONTHS) else ahead - 12
    return shifted(today.year, today.month, by)


class _Masking:
    """A text from which one kind of thing after the other is taken."""

    def __init__(self, text: str, today: date) -> None:
        self.text = text
        self.today = today

    def take(self, pattern: re.Pattern[str], mask: str) -> re.Match[str] | None:
        """The first match; all of them are masked."""
        found = pattern.search(self.text)
        if found is not None:
            self.text = pattern.sub(mask, self.text)
        return found


def _past_day(month: int, day: int, today: date) -> int | None:
    for year in (today.year, today.year - 1):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found <= today:
            return day_number(found)
    return None


_REFERENCE: Final = re.compile(r"(?<![0-9a-z])[0-9]{17,64}(?![0-9])")
_PERSON: Final = re.compile(r"(?<![0-9])2088[0-9]{12}(?![0-9])")
_ISO_DAY: Final = re.compile(r"(20[0-9]{2})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})[日号]?(?![0-9])")
_ZH_DAY: Final = re.compile(rf"([0-9]{{1,2}}|{_ZH}{{1,2}})月份?([0-9]{{1,2}}|{_ZH}{{1,3}})[日号]")
_EN_DAY: Final = re.compile(
    rf"\b(?:({_EN_MONTH})\.? ([0-9]{{1,2}})(?:st|nd|rd|th)?|([0-9]{{1,2}})(?:st|nd|rd|th)? (?:of )?({_EN_MONTH}))\b"
    r"(?! ?20[0-9]{2})"
)
_FEAST: Final = re.compile("双11|双十一|双12|双十二|618大促|618")
_EN_FEAST: Final = re.compile(r"\b(?:double|singles'?) (?:11|12|day)\b")
_NEAR_DAY: Final = re.compile(r"今天|昨天|前天|\b(?:the )?day before yesterday\b|\byesterday\b|\btoday\b")
_NEAR_DAYS: Final = {"今天": 0, "today": 0, "昨天": 1, "yesterday": 1, "前天": 2}
_ZH_RELATIVE: Final = re.compile(r"(上上|下下|上|下|这|本|当)一?个?月份?")
_EN_RELATIVE: Final = re.compile(r"\b(next|last|previous|this|current) months?(?:'s)?\b")
_RELATIVE: Final = {
    "上上": -2, "上": -1, "这": 0, "本": 0, "当": 0, "下": 1, "下下": 2,
    "last": -1, "previous": -1, "this": 0, "current": 0, "next": 1,
}  # fmt: skip
_ZH_MONTH: Final = re.compile(
    r"(?:(20[0-9]{2})年|(去年|今年|明年)的?)?(?<![0-9十])(1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])"
    r"月份?(?![0-9])"
)
_MAY: Final = (
    r"(?:(?<=\bin )|(?<=\bof )|(?<=\bmy )|(?<=\bfor )|(?<=\bthis ))may\b"
    r"|may(?=(?:'s)? (?:bill|statement|expenses|20[0-9]{2}|next year|last year)\b)"
)
_EN_NAMED: Final = re.compile(
    rf"\b({_EN_MONTH.replace('|may', '')}|{_MAY})\b(?:'s)?(?:,? (20[0-9]{{2}}|next year|last year|this year)\b)?"
)
_NUMERIC_MONTH: Final = re.compile(r"(?<![0-9])(20[0-9]{2})[-/.](1[0-2]|0?[1-9])(?![0-9])")
_BILL: Final = re.compile(
    r"(下|上)一?[期次](?:的?(?:账单|还款))?|\b(next|last|previous|coming|upcoming) (?:bill|statement)\b"
)
_COUNT: Final = re.compile(rf"([0-9]{{1,3}}|{_ZH}{{1,3}})(?:个月|期)|\b([0-9]{{1,3}}) (?:months|instalments)\b")
_MONEY: Final = re.compile(
    rf"(?:[¥$]|rmb|cny) ?([0-9][0-9,]*(?:\.[0-9]{{1,2}})?)"
    rf"|(?<![0-9.])([0-9][0-9,]*(?:\.[0-9]{{1,2}})?) ?(?:元|块钱?|圆|rmb\b|yuan\b|cny\b)"
    rf"|({_ZH}+)(?:元|块钱?|圆)"
)
_BARE: Final = re.compile(
    r"(?<![0-9.a-z])([0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,2})?|[0-9]+\.[0-9]{1,2}|[0-9]{2,7})"
    r"(?![0-9.%]|st\b|nd\b|rd\b|th\b|[日号天] ?| days?\b)"
)
_YEARS: Final = {"去年": -1, "今年": 0, "明年": 1, "last year": -1, "this year": 0, "next year": 1}


def _day(masking: _Masking) -> int | None:
    today = masking.today
    if found := masking.take(_ISO_DAY, DAY):
        try:
            return day_number(date(int(found[1]), int(found[2]), int(found[3])))
        except ValueError:
            return None
    if found := masking.take(_ZH_DAY, DAY):
        return _past_day(chinese_number(found[1]), chinese_number(found[2]), today)
    if found := masking.take(_EN_DAY, DAY):
        month, day = (found[1], found[2]) if found[1] else (found[4], found[3])
        return _past_day(_EN_MONTH_NUMBERS[month], int(day), today)
    if found := masking.take(_FEAST, DAY):
        return _past_day(*_FEASTS[found[0].removesuffix("大促")], today)
    if found := masking.take(_EN_FEAST, DAY):
        return _past_day(*((12, 12) if "12" in found[0] else (11, 11)), today)
    if found := masking.take(_NEAR_DAY, DAY):
        return day_number(today - timedelta(days=_NEAR_DAYS.get(found[0], 2)))
    return None


def _month(masking: _Masking) -> _MonthName | None:
    if found := masking.take(_ZH_RELATIVE, MONTH) or masking.take(_EN_RELATIVE, MONTH):
        return _MonthName(offset=_RELATIVE[found[1]])
    if found := masking.take(_NUMERIC_MONTH, MONTH):
        return _MonthName(int(found[2]), int(found[1]))
    if found := masking.take(_ZH_MONTH, MONTH):
        year = int(found[1]) if found[1] else masking.today.year + _YEARS[found[2]] if found[2] else None
        return _MonthName(chinese_number(found[3]), year)
    if found := masking.take(_EN_NAMED, MONTH):
        year = None if not found[2] else _YEARS.get(found[2])
        if found[2] and year is None:
            return _MonthName(_EN_MONTH_NUMBERS[found[1]], int(found[2]))
        return _MonthName(_EN_MONTH_NUMBERS[found[1]], None if year is None else masking.today.year + year)
    return None


def _minor(text: str) -> int:
    whole, _, cents = text.replace(",", "").partition(".")
    return int(whole) * 100 + int(cents.ljust(2, "0") or 0)


def _amount(masking: _Masking) -> int | None:
    if found := masking.take(_MONEY, AMOUNT):
        if found[3]:
            return chinese_number(found[3]) * 100
        return _minor(found[1] or found[2])
    found = masking.take(_BARE, AMOUNT)
    return None if found is None else _minor(found[1])


def _spellings(name: str) -> Iterable[str]:
    """How a name is said: whole, by its first three characters in Chinese, without its last word in English."""
    plain = normalised(name)
    yield plain
    if plain.isascii():
        words = plain.split()
        if len(words) >= 3:
            yield " ".join(words[:-1])
    elif len(plain) >= 5 and not plain[:3].isascii():
        yield plain[:3]


def _named(masking: _Masking, things: Sequence[Named], mask: str) -> str | None:
    spellings = [(spelling, thing.key) for thing in things for name in thing.names for spelling in _spellings(name)]
    for spelling, key in sorted(spellings, key=lambda each: -len(each[0])):
        if len(spelling) < 2:
            continue
        at = masking.text.find(spelling)
        if at < 0:
            continue
        before, after = masking.text[at - 1 : at], masking.text[at + len(spelling) : at + len(spelling) + 1]
        if spelling.isascii() and (_is_word(before) or _is_word(after)):
            continue
        masking.text = masking.text.replace(spelling, mask)
        return key
    return None


def _is_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _bill(masking: _Masking) -> str | None:
    found = _BILL.search(masking.text)
    if found is None:
        return None
    return "next" if (found[1] or found[2]) in ("下", "next", "coming", "upcoming") else "last"


_SPENT: Final = re.compile(r"spen[dt]|bought|buy|purchase|refund|return|花|消费|买|吃|退")
_ELSEWHERE: Final = re.compile(
    r"\b(?:at|refunds? from|bought from) "
    r"((?!(?:all|once|least|home|my|your|this|that|you|any|the)\b)[a-z0-9&' ]{2,40}?)"
    r"(?= (?:in|on|last|this|for|during|arrived?|since)\b| ?[?.!,]|\s*[\ue000-\ue007]|$)"
    r"|在([\u4e00-\u9fffa-z0-9]{2,12}?)(?=(?:一共|总共|共|里|店)?(?:花|消费|买|吃|用))"
)


def _elsewhere(masking: _Masking) -> str | None:
    """A shop by its place in the sentence, where she never paid one of that name."""
    found = _ELSEWHERE.search(masking.text) if _SPENT.search(masking.text) else None
    if found is None:
        return None
    name = found[1] or found[2]
    masking.text = masking.text.replace(name, SHOP)
    return name


def find_slots(text: str, today: date, shops: Sequence[Named] = (), products: Sequence[Named] = ()) -> Found:
    """What a question names, in this order: names, numbers of payments, counts, days, months, amounts."""
    masking = _Masking(normalised(text), today)
    product = _named(masking, products, PRODUCT)
    shop = _named(masking, shops, SHOP)
    person = masking.take(_PERSON, PERSON) is not None
    number = masking.take(_REFERENCE, NUMBER)
    reference = None if number is None else number[0]
    steps: tuple[Callable[[_Masking], int | None], ...] = (_count, _day)
    count, day = (step(masking) for step in steps)
    month = _month(masking)
    bill = _bill(masking)
    amount = _amount(masking)
    shop = shop or _elsewhere(masking)
    return Found(
        masking.text,
        month,
        day,
        bill,
        amount,
        shop,
        product,
        reference,
        count,
        person,
    )


def _count(masking: _Masking) -> int | None:
    found = masking.take(_COUNT, COUNT)
    return None if found is None else chinese_number(found[1] or found[2])
