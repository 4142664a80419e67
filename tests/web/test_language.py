"""Choosing the language, and error codes in both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.errors import CODES
from chuanliu.web import Language, choose_language, with_language
from chuanliu.web.error_texts import CHINESE, FOR_PAYERS, error_text, payer_text

ZH, EN = Language.ZH, Language.EN


@pytest.mark.parametrize(
    ("explicit", "accepted", "chosen"),
    [
        (None, None, ZH),
        ("", "", ZH),
        ("en", "zh-CN", EN),
        ("zh-CN", "en", ZH),
        ("fr", "en", EN),
        (None, "en-GB,en;q=0.9", EN),
        (None, "fr-CH, fr;q=0.9, en;q=0.8, zh;q=0.7, *;q=0.5", EN),
        (None, "en;q=0.3, zh-Hant-TW;q=0.9", ZH),
        (None, "en;q=0", ZH),
        (None, "de", ZH),
        (None, "en;q=nonsense", ZH),
        (None, ",,;;=,en", EN),
    ],
)
def test_choice(explicit: str | None, accepted: str | None, chosen: Language) -> None:
    assert choose_language(explicit, accepted) is chosen


@given(st.text(), st.text())
def test_any_header_gives_a_language(explicit: str, accepted: str) -> None:
    assert choose_language(explicit, accepted) in Language


@pytest.mark.parametrize(
    ("address", "made"),
    [
        ("/", "/?lang=en"),
        ("/pay/1?a=b%20c&lang=zh", "/pay/1?a=b+c&lang=en"),
        ("/pay?x=", "/pay?x=&lang=en"),
    ],
)
def test_an_address_in_another_language(address: str, made: str) -> None:
    assert with_language(address, EN) == made


def test_every_error_code_reads_in_chinese() -> None:
    assert set(CHINESE) == set(CODES)
    assert set(FOR_PAYERS) <= set(CODES)


def test_an_unknown_code_reads_as_internal() -> None:
    assert error_text("never heard of", EN) == CODES["internal"]
    assert payer_text("never heard of", ZH) == CHINESE["internal"]
