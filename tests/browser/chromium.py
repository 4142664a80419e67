"""Start Debian's chromium under playwright, quiet and confined to this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

PLACES: Final = ("/usr/bin/chromium", "/usr/bin/chromium-browser")
FLAGS: Final = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Containers give /dev/shm a few megabytes only, which chromium takes for a crash.
    "--disable-dev-shm-usage",
    # Names resolve to nothing: a page that reaches for the outside fails here as it would behind a firewall.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


class ChromiumMissing(Exception):
    """No chromium on this machine; the message names the Debian package."""


def chromium_path() -> Path:
    """The browser's executable. Raises `ChromiumMissing`."""
    for place in (*PLACES, shutil.which("chromium") or ""):
        if place and Path(place).exists():
            return Path(place)
    raise ChromiumMissing("chromium is not installed (Debian package chromium)")


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """A headless browser for the length of the block. Raises `ChromiumMissing`."""
    path = chromium_path()
    # Chromium refuses to sandbox itself as root.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(FLAGS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=flags)
        try:
            yield browser
        finally:
            browser.close()
