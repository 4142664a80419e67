"""What a signed-in payer sees of all that she has, and that what she sees is what she is charged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from cashier_browser import Browser, checkout, signed_in

from alipay_world.lending import (
    BANK,
    BANK_LINE,
    CARD,
    DEBIT,
    LINE,
    Bank,
    add_lenders,
    link_card,
    open_line,
    running_bank,
    sweep,
)
from alipay_world.world import Shop, World
from chuanliu.lenders import FindInstruments
from chuanliu.promotions import CampaignTerms, NewSponsor, PublishCampaign
from promotions.fair import new_campaign

MEANS = re.compile(r'data-means="([a-z_]+)"')
OFFER = re.compile(r'data-pay="([^"]*)"')


@pytest.fixture(scope="module")
def bank() -> Iterator[Bank]:
    with running_bank() as started:
        yield started


@pytest.fixture(scope="module")
def lending(platform: World, bank: Bank) -> World:
    add_lenders(platform, bank)
    return platform


@pytest.fixture(autouse=True)
def sound(bank: Bank) -> None:
    bank.faults()


def payer(platform: World, *codes: str, balance_minor: int = 0) -> int:
    who = platform.consumer(balance_minor, confirm_above_minor=10_000_00)
    for code in codes:
        (link_card if code in (CARD, DEBIT) else open_line)(platform, who, code)
    return who


def shown(browser: Browser) -> dict[str, list[str]]:
    """Each means on the page with what the button would say of its offers."""
    _, *parts = browser.page.split('<div class="means')
    return {found[1]: OFFER.findall(part) for part in parts if (found := MEANS.search(part))}


def choose(browser: Browser, words: str) -> str:
    """The number of the offer for which the button says so."""
    found = re.search(rf'value="([0-9]+)" data-pay="{re.escape(words)}"', browser.page)
    assert found is not None, browser.page
    return found[1]


def used(platform: World, who: int) -> int | None:
    """What a consumer owes on her line in our books."""
    views = platform.ask(FindInstruments(who))
    return next(view.used_minor for view in views if view.used_minor is not None)


def test_all_that_she_has_side_by_side(lending: World, shop: Shop) -> None:
    who = payer(lending, LINE, CARD, DEBIT, BANK_LINE, balance_minor=500_00)
    path = checkout(lending, shop, total_amount="1111.11")
    browser = signed_in(lending, path, who)
    instalments = ["Pay in 3 · ¥378.89 each", "Pay in 6 · ¥193.51 each", "Pay in 12 · ¥99.53 each"]
    assert shown(browser) == {
        "credit_line": ["Pay ¥1,111.11", *instalments],
        "credit_card": ["Pay ¥1,111.11", *instalments],
        "debit_card": ["Pay ¥1,111.11"],
        "bank_credit_pay": ["Pay ¥1,111.11", *instalments],
        "balance": [],
    }
    page = browser.page
    assert "Your balance is not sufficient for this order." in page
    assert f"{BANK} bank" in page
    masked = [view.instrument.masked for view in lending.ask(FindInstruments(who)) if view.instrument.card_id]
    assert len(masked) == 2
    assert all(number in page for number in masked)
    assert "¥25.56" in page
    assert "¥5,000.00 available" in page


def test_what_is_shown_is_what_is_charged(lending: World, shop: Shop) -> None:
    who = payer(lending, LINE, balance_minor=5000_00)
    path = checkout(lending, shop, total_amount="1111.11")
    browser = signed_in(lending, path, who)
    browser.pay(path, choose(browser, "Pay in 3 · ¥378.89 each"))
    assert browser.stage == "paid"
    assert "3 instalments · ¥378.89 each" in browser.page
    assert "<b>¥25.56</b>" in browser.page
    assert used(lending, who) == 1136_67
    assert lending.balance(who) == 5000_00


def test_the_merchants_wish_narrows_the_choice(lending: World, shop: Shop) -> None:
    who = payer(lending, LINE, CARD, balance_minor=5000_00)
    seller = {"hb_fq_num": "6", "hb_fq_seller_percent": "100"}
    path = checkout(lending, shop, total_amount="600.00", extend_params=seller)
    browser = signed_in(lending, path, who)
    assert shown(browser) == {"credit_line": ["Pay in 6 · ¥100.00 each"], "credit_card": []}
    assert "Interest-free" in browser.page
    assert "¥27.00</s> <b>¥0.00</b>" in browser.page
    browser.pay(path)
    assert browser.stage == "paid"
    assert used(lending, who) == 600_00


def test_a_card_pays_in_instalments(lending: World, shop: Shop) -> None:
    path = checkout(lending, shop, total_amount="1200.00")
    browser = signed_in(lending, path, payer(lending, CARD))
    browser.pay(path, choose(browser, "Pay in 12 · ¥107.50 each"))
    assert browser.stage == "paid"
    assert f"{CARD} card" in browser.page


def test_a_silent_bank_is_waited_for(lending: World, bank: Bank, shop: Shop) -> None:
    path = checkout(lending, shop, total_amount="1200.00")
    browser = signed_in(lending, path, payer(lending, CARD))
    bank.faults(lose_answer=1000)
    browser.pay(path)
    assert browser.stage == "in-progress"
    assert 'http-equiv="refresh"' in browser.page
    browser.get(path)
    assert browser.stage == "in-progress"
    bank.faults()
    sweep(lending)
    browser.get(path)
    assert browser.stage == "paid"


def test_a_declined_card_leaves_the_choice(lending: World, bank: Bank, shop: Shop) -> None:
    who = payer(lending, CARD, balance_minor=2000_00)
    path = checkout(lending, shop, total_amount="1200.00")
    browser = signed_in(lending, path, who)
    bank.faults(decline=1000, decline_code="51")
    browser.pay(path, choose(browser, "Pay in 3 · ¥409.20 each"))
    assert browser.stage == "choose"
    assert "Your card has not enough funds or credit left." in browser.page
    browser.pay(path)
    assert browser.stage == "paid"
    assert lending.balance(who) == 800_00


def test_an_old_page_shows_the_present_terms_instead(lending: World, shop: Shop) -> None:
    who = payer(lending, LINE)
    path = checkout(lending, shop, total_amount="900.00")
    browser = signed_in(lending, path, who)
    with psycopg.connect(lending.database_url, autocommit=True) as connection:
        connection.execute("UPDATE quote SET expires_at = now() - interval '1 second' WHERE consumer_id = %s", [who])
    browser.pay(path)
    assert browser.stage == "choose"
    assert "its terms are up to date now" in browser.page
    assert used(lending, who) == 0
    browser.pay(path)
    assert browser.stage == "paid"
    assert used(lending, who) == 900_00


def test_an_offer_that_ran_out_is_not_charged_at_another_price(lending: World) -> None:
    """Two payers see the last of a budget; the slower one is told, and sees what is left."""
    shop = lending.shop()
    terms = CampaignTerms(merchants=frozenset({int(shop.seller_id)}))
    campaign: Any = lending.submit(new_campaign((NewSponsor("platform", 10_000, 20_00),), terms))
    lending.submit(PublishCampaign(campaign.campaign_id))
    lending.settle()
    fast, slow = payer(lending, LINE), payer(lending, LINE)
    paths = [checkout(lending, shop, total_amount="1000.00") for _ in range(2)]
    first, second = signed_in(lending, paths[0], fast), signed_in(lending, paths[1], slow)
    free = "Pay in 3 · ¥333.33 each"
    assert "¥18.00</s> <b>¥0.00</b>" in second.page
    first.pay(paths[0], choose(first, free))
    assert (first.stage, used(lending, fast)) == ("paid", 1000_00)
    second.pay(paths[1], choose(second, free))
    assert second.stage == "choose"
    assert "That offer has just run out." in second.page
    assert used(lending, slow) == 0
    lending.settle()
    second.get(f"{paths[1]}?lang=en")
    second.pay(paths[1], choose(second, "Pay in 3 · ¥340.99 each"))
    assert (second.stage, used(lending, slow)) == ("paid", 1023_00)


def test_one_quote_pays_once(lending: World, shop: Shop) -> None:
    who = payer(lending, LINE)
    paths = [checkout(lending, shop, total_amount="100.00") for _ in range(2)]
    browser = signed_in(lending, paths[0], who)
    quote = re.search(r'name="quote_id" value="([0-9]+)"', browser.page)
    assert quote is not None
    browser.pay(paths[0])
    assert browser.stage == "paid"
    browser.get(paths[1])
    browser.submit(f"{paths[1]}/pay", quote_id=quote[1], offer="0")
    assert browser.stage == "choose"
    assert "used for a payment already" in browser.page
    assert used(lending, who) == 100_00
