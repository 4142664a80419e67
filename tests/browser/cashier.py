"""The cashier as a person goes through it: sign in, choose, pay, go back to the merchant."""

from __future__ import annotations

import re
from typing import Final

from playwright.sync_api import Page, expect

STAGE_MS_MAX: Final = 15_000


def stage(page: Page, name: str) -> None:
    """Wait until the cashier shows this stage, such as `sign-in`, `choose` or `paid`."""
    expect(page.locator(".stage")).to_have_attribute("data-stage", name, timeout=STAGE_MS_MAX)


def sign_in(page: Page, user_id: str, password: str) -> None:
    """Sign in with a user number and its payment password."""
    stage(page, "sign-in")
    page.locator("#user_id").fill(user_id)
    page.locator("#password").fill(password)
    page.locator("form.fields button").click()


def choose(page: Page, means: str, instalments: int) -> None:
    """Open what one means offers, and take a number of its instalments."""
    card = page.locator(f'[data-means="{means}"]')
    if not card.locator(":checked").count():
        card.locator("label.method").click()
    card.locator("label.term").filter(has_text=re.compile(rf"(^|\s){instalments} ")).click()


def pay(page: Page) -> None:
    """Press the pay button with what is chosen and wait for the result."""
    stage(page, "choose")
    page.locator(".button-pay").click()
    stage(page, "paid")


def return_to_merchant(page: Page, origin: str) -> None:
    """Follow the way back, by the link or by the page itself, whichever comes first."""
    page.locator(".stage a.button").click()
    page.wait_for_url(f"{origin}/**", timeout=STAGE_MS_MAX)
