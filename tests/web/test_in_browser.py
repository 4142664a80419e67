"""The pages in a real browser, under a policy that forbids everything inline, with and without scripts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from browser.chromium import ChromiumMissing, running_chromium
from chuanliu.web import ASSETS, Language, LiveFigures, Wallet, live_json, render_operations_live, wallets_json
from web.operations_pages import operations_view
from web.pages import every_page

PAGES = {f"/{language.value}/{name}": page for language in Language for name, page in every_page(language).items()}
PATHS = {path.replace(" ", "-"): page for path, page in PAGES.items()}
ANSWERS = {
    "/live": live_json(LiveFigures(99.5, (1.0, 9.0), refund_count=4_321)),
    "/wallets": wallets_json((Wallet("2088000000000101", "*川", 777, "281234567812345678"),), Language.EN),
    "/operations-live": render_operations_live(operations_view(Language.EN, queue_ms=777.0)).encode(),
    "/pay/1/status": msgspec.json.encode({"stage": "sign-in"}),
}

# Relative luminance and contrast as WCAG 2.2 defines them; text on drawings and gradients is looked at by people.
CONTRAST = """() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => {
    const [r, g, b] = c.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const style = getComputedStyle(e);
      if (style.backgroundImage !== 'none') return null;
      const c = parse(style.backgroundColor);
      if (c.length === 3 || c[3] === 1) return c.slice(0, 3);
      if (c[3] > 0) return null;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.data.trim();
    if (!words || !element.checkVisibility() || element.closest(':disabled, svg, .hidden, .skip')) continue;
    const below = ground(element);
    if (below === null) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color).slice(0, 3)), light(below)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${element.className || element.tagName}: ${words}`);
  }
  return poor;
}"""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        status, kind, body = 200, "text/html; charset=utf-8", PATHS.get(path, "").encode()
        if path in ASSETS:
            kind, body = ASSETS[path].content_type, ASSETS[path].body
        elif path in ANSWERS:
            kind, body = "application/json", ANSWERS[path]
        elif not body:
            status, body = 404, b"not here"
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("content-security-policy", "default-src 'self'; base-uri 'none'; object-src 'none'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    try:
        with running_chromium() as browser:
            yield browser
    except ChromiumMissing as missing:
        pytest.skip(str(missing))


@contextmanager
def opened(
    chromium: Browser, scheme: Literal["light", "dark"] = "light", *, width: int = 360, scripts: bool = True
) -> Iterator[Page]:
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=scripts
    )
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_and_can_be_read(
    chromium: Browser, site: str, scheme: Literal["light", "dark"]
) -> None:
    with opened(chromium, scheme) as page:
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for path in PATHS:
            page.goto(site + path, wait_until="load")
            wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wider <= 0, f"{path} is {wider} pixels too wide"
            assert page.evaluate(CONTRAST) == [], path
        assert complaints == []


def test_tabs_work_without_scripts_and_by_keyboard(chromium: Browser, site: str) -> None:
    with opened(chromium, width=1200, scripts=False) as page:
        page.goto(f"{site}/en/start")
        expect(page.get_by_text("python_community.py")).to_be_visible()
        expect(page.get_by_role("button", name="Copy", exact=True)).to_have_count(0)
        page.get_by_text("curl", exact=True).click()
        expect(page.get_by_text("native.sh")).to_be_visible()
        expect(page.get_by_text("python_community.py")).to_be_hidden()
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_text("AlipayClientConfig()")).to_be_visible()


def test_figures_and_payment_codes_refresh_without_shifting_the_page(chromium: Browser, site: str) -> None:
    with opened(chromium, width=1200) as page:
        page.goto(f"{site}/en/start")
        height = page.evaluate("document.documentElement.scrollHeight")
        barcode = page.locator("[data-part=barcode]").inner_html()
        expect(page.locator("[data-figure=refund_count]")).to_have_text("4,321", timeout=10_000)
        expect(page.locator("[data-part=digits]")).to_have_text("2812 3456 7812 3456 78", timeout=15_000)
        assert page.locator("[data-part=barcode]").inner_html() != barcode
        assert page.evaluate("document.documentElement.scrollHeight") == height


def test_the_operations_screen_stays_live_and_its_tables_open(chromium: Browser, site: str) -> None:
    with opened(chromium, width=1920) as page:
        page.goto(f"{site}/en/operations")
        page.locator("#table-river summary").click()
        table = page.locator("#table-river table")
        expect(table).to_be_visible()
        expect(page.locator(".op-queue .op-large")).to_have_text("777 ms", timeout=10_000)
        expect(table).to_be_visible()
        expect(page.locator("#table-latency table")).to_be_hidden()
        assert page.evaluate("document.activeElement.closest('details').id") == "table-river"


def test_copying_takes_the_whole_value(chromium: Browser, site: str) -> None:
    with opened(chromium, width=1200) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(f"{site}/en/start")
        page.locator("[data-copy=key-app_id]").click()
        assert page.evaluate("navigator.clipboard.readText()") == "2021000000000001"
        page.locator("[data-copy^=wallet-]").click()
        assert page.evaluate("navigator.clipboard.readText()") == "287654321098765432"


def test_the_clock_of_the_cashier_ticks(chromium: Browser, site: str) -> None:
    with opened(chromium) as page:
        page.goto(f"{site}/en/cashier-choose")
        expect(page.locator("[data-countdown]")).to_have_text("4:58", timeout=10_000)
