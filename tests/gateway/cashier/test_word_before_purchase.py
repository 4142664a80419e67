"""What the cashier says before a purchase on credit, and what it keeps a payer from because she wanted to be kept."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cashier_browser import Browser, checkout, signed_in

from alipay_world.lending import LINE, Bank, add_lenders, open_line, running_bank
from alipay_world.world import Shop, World
from chuanliu.assistant import ChangeProfile
from chuanliu.instalments import Restraint, SetOwnLimit


@pytest.fixture(scope="module")
def bank() -> Any:
    with running_bank() as started:
        yield started


@pytest.fixture(scope="module")
def lending(platform: World, bank: Bank) -> World:
    add_lenders(platform, bank)
    return platform


def payer(platform: World, balance_minor: int = 5000_00, **restraint: int) -> int:
    """A consumer with a line, an ideal bill of 600.00 and limits."""
    who = platform.consumer(balance_minor, confirm_above_minor=10_000_00)
    open_line(platform, who, LINE)
    platform.submit(ChangeProfile(who, ideal_minor=600_00))
    if restraint:
        platform.submit(SetOwnLimit(who, Restraint(**restraint)))
    return who


def words(page: str) -> list[str]:
    """What is said of each offer."""
    return [
        " ".join(each.split()) for each in re.findall(r'<span class="term-word[^"]*">(.*?)</span>', page, re.DOTALL)
    ]


def offer(page: str, count: int) -> str:
    """The number of the offer in so many instalments."""
    button = "Pay ¥" if count == 1 else f"Pay in {count} "
    found = re.search(rf'value="([0-9]+)" data-pay="{re.escape(button)}', page)
    return found[1] if found else ""


def test_each_offer_says_what_it_makes_of_the_bills(lending: World, shop: Shop) -> None:
    who = payer(lending)
    path = checkout(lending, shop, total_amount="500.00")
    browser = signed_in(lending, path, who)
    said = words(browser.page)
    assert len(said) == 4
    # In full: 500 of 600. In three: 2.3 % more, 170.50 a month, 28 % rounded half up.
    assert re.fullmatch(r"Your [A-Z][a-z]{2} bill would be 83% of your ideal", said[0])
    assert re.fullmatch(
        r"Your [A-Z][a-z]{2} bill would be 2[89]% of your ideal; ¥17[0-9.]+ a month until [A-Z][a-z]{2}", said[1]
    )
    browser.pay(path, offer(browser.page, 3))
    assert browser.stage == "paid"
    again = signed_in(lending, checkout(lending, shop, total_amount="500.00"), who)
    assert "would be 112% of your ideal" in words(again.page)[0]
    assert "term-word-over" in again.page
    chinese = Browser(lending)
    chinese.cookies = dict(again.cookies)
    assert re.search(r"[0-9]+月账单将达到您理想账单的 112%", chinese.get(f"{path_of(again)}?lang=zh"))


def path_of(browser: Browser) -> str:
    """The cashier that the browser is at."""
    found = re.search(r'data-page="([^"?]*)', browser.page)
    assert found is not None
    return found[1]


def test_a_merchant_never_sees_the_word_but_she_does(lending: World, shop: Shop) -> None:
    who = payer(lending)
    browser = signed_in(lending, checkout(lending, shop, total_amount="500.00"), who)
    quote = re.search(r'name="quote_id" value="([0-9]+)"', browser.page)
    assert quote is not None
    document = json.loads(browser.get(f"/v1/assistant/quotes/{quote[1]}"))
    assert [each["percent"] for each in document["words"]][:1] == [83]
    assert document["words"][0]["bill"] == "500.00"
    stranger = signed_in(lending, checkout(lending, shop), lending.consumer())
    stranger.get(f"/v1/assistant/quotes/{quote[1]}")
    assert stranger.last.status == 404


def test_what_is_above_her_own_stop_is_not_offered_and_not_taken(lending: World, shop: Shop) -> None:
    who = payer(lending, balance_minor=0, stop_minor=400_00)
    path = checkout(lending, shop, total_amount="500.00")
    browser = signed_in(lending, path, who)
    shown = {offer(browser.page, count) for count in (3, 6, 12)}
    assert len(shown) == 3
    assert offer(browser.page, 1) == ""
    assert "the stop that you set for yourself" in browser.page
    # Whoever posts the offer all the same is refused.
    (hidden,) = {"0", "1", "2", "3"} - shown
    browser.pay(path, hidden)
    assert browser.stage == "choose"
    assert "alert" in browser.page
    browser.pay(path, offer(browser.page, 3))
    assert browser.stage == "paid"


def test_what_she_wanted_to_think_over_takes_a_tick(lending: World, shop: Shop) -> None:
    who = payer(lending, cooling_hours=24, cooling_from_minor=300_00)
    path = checkout(lending, shop, total_amount="500.00")
    browser = signed_in(lending, path, who)
    assert 'name="agreed"' in browser.page
    browser.pay(path, offer(browser.page, 3))
    assert browser.stage == "choose"
    assert "come back later, or tick that you have" in browser.page
    quote = re.search(r'name="quote_id" value="([0-9]+)"', browser.page)
    assert quote is not None
    browser.submit(f"{path}/pay", quote_id=quote[1], offer=offer(browser.page, 3), agreed="yes")
    assert browser.stage == "paid"
    small = signed_in(lending, checkout(lending, shop, total_amount="299.00"), who)
    assert 'name="agreed"' not in small.page


def test_limits_are_set_on_the_page_and_by_the_api(lending: World) -> None:
    who = payer(lending)
    browser = Browser(lending)
    browser.get("/assistant?lang=en")
    browser.submit("/assistant/sign-in", user_id=str(who), password="123456")
    browser.submit("/assistant", do="limits", stop="2500", **{"cooling-hours": "48", "cooling-from": "500"})
    limits = json.loads(browser.get("/v1/assistant/limits"))
    assert limits["now"] == {"stop": "2500.00", "cooling_hours": 48, "cooling_from": "500.00"}
    browser.get("/assistant?lang=en")
    browser.submit("/assistant", do="limits", stop="", **{"cooling-hours": "", "cooling-from": ""})
    assert "The looser limits hold from" in browser.page
    limits = json.loads(browser.get("/v1/assistant/limits"))
    assert limits["now"]["stop"] == "2500.00"
    assert limits["next"] == {"stop": None, "cooling_hours": 0, "cooling_from": None}
    browser.get("/assistant?lang=en")
    browser.submit("/assistant", do="limits", stop="1", **{"cooling-hours": "9x"})
    assert "alert" in browser.page
    exported = json.loads(browser.get("/v1/assistant/export"))
    assert exported["limits"]["now"]["cooling_hours"] == 48
    assert "limits,2,stop," in browser.get("/v1/assistant/export.csv")
    browser.get("/assistant?lang=en")
    browser.submit("/assistant", do="erase")
    # A stop is not undone by erasing either: it ends a day later.
    assert json.loads(browser.get("/v1/assistant/limits"))["now"]["stop"] == "2500.00"
