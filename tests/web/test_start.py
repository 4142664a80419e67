"""The start page: credentials, snippets, wallets, and the JSON that it polls."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from chuanliu.web import Language, LiveFigures, Wallet, live_json, render_start, wallets_json
from chuanliu.web.snippets import Snippet, snippets
from web.pages import CREDENTIALS, StrictReader, start_view


def made(language: Language = Language.ZH, official: str = "http://127.0.0.77") -> dict[str, Snippet]:
    found = snippets(
        CREDENTIALS,
        language,
        base_url="http://127.0.0.1:8080",
        official_base_url=official,
        payment_code_url="http://127.0.0.1:8080/sandbox/code",
    )
    return {snippet.snippet_id: snippet for snippet in found}


@pytest.mark.parametrize("language", Language)
def test_snippets_are_whole_programs(language: Language, tmp_path: Path) -> None:
    for snippet in made(language).values():
        assert "{{" not in snippet.code
        assert "http://127.0.0.1:8080" in snippet.code
        source = tmp_path / snippet.file_name
        source.write_text(snippet.code, "utf-8")
        match source.suffix:
            case ".py":
                ast.parse(snippet.code)
            case ".sh":
                subprocess.run(["/bin/sh", "-n", source], check=True)
            case ".mjs":
                node = shutil.which("node")
                if node is None:
                    pytest.skip("node is not installed")
                subprocess.run([node, "--check", source], check=True)


def test_drawn_snippets_have_the_same_text() -> None:
    for snippet in made().values():
        read = StrictReader(str(snippet.drawn))
        assert read.faults == []
        assert "".join(read.words) == snippet.code


def test_without_port_80_the_official_python_tab_says_why() -> None:
    assert made(official="")["python-official"].code == ""
    read = StrictReader(render_start(start_view(Language.EN, "Permission denied", official="")))
    assert "127.0.0.77:80 could not be opened: Permission denied" in read.text
    assert "AlipayClientConfig" not in read.text


@pytest.mark.parametrize("language", Language)
def test_the_page_holds_every_credential_and_its_copy_button(language: Language) -> None:
    read = StrictReader(render_start(start_view(language)))
    for value in (CREDENTIALS.app_id, CREDENTIALS.app_private_key, CREDENTIALS.api_key, "2876 5432 1098 7654 32"):
        assert value in read.text
    ids = {given["id"] for _, given in read.elements if "id" in given}
    buttons = read.having("button", lambda a: "data-copy" in a)
    assert buttons
    assert {button["data-copy"] for button in buttons} <= ids
    assert all("hidden" in button for button in buttons), "they work with scripts only"


def test_every_snippet_has_a_tab_that_the_stylesheet_knows() -> None:
    from chuanliu.web import ASSETS

    [css] = [asset.body.decode() for asset in ASSETS.values() if asset.content_type.startswith("text/css")]
    assert f"#tab-{len(made())}:checked" in css
    assert f"#tab-{len(made()) + 1}:checked" not in css


def test_live_figures_are_what_the_page_shows() -> None:
    live = LiveFigures(1234.5, (0.0, 4.0), 1_000, 123_456, "CNY", 5, 6, 7, 8)
    told = msgspec.json.decode(live_json(live))
    assert told["figures"] == {
        "payments_per_second": "1,234",
        "paid_total": "¥1,234.56",
        "paid_count": "1,000",
        "refund_count": "5",
        "notification_count": "6",
        "backlog": "7 / 8",
    }
    assert told["sparkline"]["line"].startswith("M0 54L240 ")
    read = StrictReader(render_start(start_view(Language.EN)))
    assert {a["data-figure"] for _, a in read.elements if "data-figure" in a} == set(told["figures"])


def test_wallets_are_told_with_their_drawings() -> None:
    told = msgspec.json.decode(wallets_json((Wallet("2088000000000101", "*川", 5, "28123456"),), Language.EN))
    [face] = told["wallets"]
    assert face["digits"] == "2812 3456"
    assert face["barcode"].startswith("<svg")
    assert face["qr"].startswith("<svg")
    assert StrictReader(face["barcode"] + face["qr"]).faults == []
