"""Templates to text: one environment, compiled when the package is imported, autoescaping, undefined names refused."""

from __future__ import annotations

from functools import partial
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from chuanliu.clock import wall_text
from chuanliu.web.assets import asset_address
from chuanliu.web.drawing import barcode_svg, qr_svg
from chuanliu.web.error_texts import error_text, payer_text
from chuanliu.web.language import Language, with_language
from chuanliu.web.texts import text
from chuanliu.web.wording import (
    amount_text,
    count_text,
    day_text,
    full_month_text,
    grouped_digits,
    month_text,
    percent_text,
    rate_text,
    remaining_text,
    web_address,
)


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("chuanliu.web", "templates"),
        autoescape=select_autoescape(enabled_extensions=("html",), default_for_string=True, default=False),
        undefined=StrictUndefined,
        auto_reload=False,
        cache_size=-1,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(asset=asset_address, qr_svg=qr_svg, barcode_svg=barcode_svg, with_language=with_language)
    made.filters.update(
        amount=amount_text,
        count=count_text,
        grouped=grouped_digits,
        percent=percent_text,
        rate=rate_text,
        remaining=remaining_text,
        wall=wall_text,
        web_address=web_address,
    )
    for name in made.list_templates():
        made.get_template(name)
    return made


_TEMPLATES: Final = _environment()


def render(template: str, language: Language, **values: object) -> str:
    """Render one template in a language: texts come as `t(key)`, errors as `problem(code)`, days as `day(number)`
    and months as `month(number)` or, without the year, `month_name(number)`.
    """
    return _TEMPLATES.get_template(template).render(
        language=language,
        t=partial(_text_in, language),
        problem=partial(_problem_in, language),
        payer_problem=partial(_payer_problem_in, language),
        day=partial(_day_in, language),
        month=partial(_month_in, language),
        month_name=partial(_month_name_in, language),
        **values,
    )


def _text_in(language: Language, key: str, **values: str | int) -> str:
    return text(key, language, **values)


def _problem_in(language: Language, code: str) -> str:
    return error_text(code, language)


def _payer_problem_in(language: Language, code: str) -> str:
    return payer_text(code, language)


def _day_in(language: Language, day: int) -> str:
    return day_text(day, language)


def _month_in(language: Language, month: int) -> str:
    return full_month_text(month, language)


def _month_name_in(language: Language, month: int) -> str:
    return month_text(month, language)
