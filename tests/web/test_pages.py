"""What holds for every page in every state and both languages."""

from __future__ import annotations

import pytest

from chuanliu.web import ASSETS, Language
from chuanliu.web.texts import TEXTS
from web.pages import HOSTILE, StrictReader, every_page

PAGES = [(language, name, page) for language in Language for name, page in every_page(language).items()]
IDS = [f"{language.name} {name}" for language, name, _ in PAGES]


@pytest.mark.parametrize(("language", "name", "page"), PAGES, ids=IDS)
def test_page_is_well_formed_accessible_and_needs_nothing_inline(language: Language, name: str, page: str) -> None:
    read = StrictReader(page)
    assert read.faults == []
    assert page.lstrip().startswith("<!doctype html>")
    assert read.having("html", lambda a: a.get("lang") == language.value)
    assert len(read.having("h1", lambda _: True)) == 1
    labelled = {a["for"] for a in read.having("label", lambda a: "for" in a)}
    for field in read.having("input", lambda a: a.get("type") not in {"hidden", "radio"}):
        assert field["id"] in labelled
    for drawing in read.having("svg", lambda _: True):
        assert drawing.get("aria-hidden") == "true" or drawing.get("aria-label")
    for form in read.having("form", lambda _: True):
        assert form["method"] == "post"
    forms = len(read.having("form", lambda _: True))
    assert len(read.having("input", lambda a: a.get("name") == "csrf_token")) == forms
    assert len(read.having("input", lambda a: a.get("name") == "lang")) == forms


@pytest.mark.parametrize(("language", "name", "page"), PAGES, ids=IDS)
def test_page_loads_only_what_is_served_here(language: Language, name: str, page: str) -> None:
    read = StrictReader(page)
    loaded = [a["src"] for a in read.having("script", lambda _: True)]
    loaded += [a["href"] for a in read.having("link", lambda _: True)]
    assert loaded
    assert set(loaded) <= set(ASSETS)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "//evil.example/", "/\\evil.example", "/\t/evil.example", HOSTILE]
)
def test_hostile_words_and_links_stay_words(language: Language, link: str) -> None:
    harmless = every_page(language)
    for name, page in every_page(language, HOSTILE, link).items():
        read = StrictReader(page)
        assert read.faults == [], name
        assert "49" not in read.text or "{{ 7*7 }}" in read.text
        assert not read.having("img", lambda _: True), name
        scripts = len(read.having("script", lambda _: True))
        assert scripts == len(StrictReader(harmless[name]).having("script", lambda _: True)), name
        for _, given in read.elements:
            address = given.get("href", "") + given.get("action", "")
            assert "javascript:" not in address
            assert "evil" not in address
            assert "evil" not in given.get("content", "")


def test_every_text_is_there_in_both_languages_with_the_same_values() -> None:
    def names(words: str) -> set[str]:
        return {part.split("}")[0] for part in words.split("{")[1:]}

    for key, (chinese, english) in TEXTS.items():
        assert chinese.strip(), key
        assert english.strip(), key
        assert names(chinese) == names(english), key
        assert key in {"brand", "language_switch"} or english.isascii() or "…" in english or "·" in english, key


def test_no_text_is_left_over() -> None:
    from importlib.resources import files

    root = files("chuanliu.web")
    source = "".join(
        path.read_text("utf-8")
        for folder in (root, root / "templates", root / "templates" / "stages", root / "templates" / "snippets")
        for path in folder.iterdir()
        if path.name.endswith((".html", ".txt", ".py")) and path.name != "texts.py"
    )
    composed = ("start.app_", "start.platform_", "start.seller_id", "start.api_key", "method.")
    composed += ("operations.figure_", "operations.standing_", "operations.job_", "operations.rehearsal_")
    composed += ("operations.span_", "operations.tenant_", "operations.earlier", "operations.later", "operations.live")
    composed += ("operations.promised", "operations.capacity", "operations.real")
    composed += ("start.paid_", "start.refund_count", "start.notification_count", "start.backlog")
    assert [
        key for key in TEXTS if f'"{key}"' not in source and f"'{key}'" not in source and not key.startswith(composed)
    ] == []
