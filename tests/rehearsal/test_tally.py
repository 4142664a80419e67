"""What of a rehearsal counts as a broken promise, and what the books must say."""

from __future__ import annotations

from chuanliu.bench import bucket_of
from chuanliu.capacity import read_scenario
from chuanliu.rehearsal import Part, make_script
from chuanliu.rehearsal.messages import Books, Second, TenantSecond
from chuanliu.rehearsal.report import BooksResult
from chuanliu.rehearsal.tally import Tally, book_findings
from rehearsal.test_script import SMALL

SCRIPT = make_script(read_scenario(SMALL), Part(compress=60))
SHOP = SCRIPT.tenants.index("shop")


def tally(*rows: tuple[int, TenantSecond]) -> Tally:
    made = Tally(SCRIPT)
    for second, row in rows:
        made.take(Second(second=second, settled={second: [row]}, codes_left=0, card_codes_left=0, books=Books()))
    return made


def test_what_is_lost_within_a_promise_is_named_with_its_time() -> None:
    found = tally((7, TenantSecond(row=SHOP, offered=6, answered=2, over_share=4))).findings(1000)
    assert [(one.kind, one.at_s, one.time) for one in found] == [("promise_broken", 5.0, "2026-11-11T11:05:00.000Z")]
    assert "shop" in found[0].text and "4" in found[0].text


def test_who_asks_for_more_than_was_promised_breaks_nothing() -> None:
    made = tally((7, TenantSecond(row=SHOP, offered=80, answered=12, over_share=68)))
    assert made.findings(1000) == []
    (shop,) = [one for one in made.tenants([1, 2], {2: 30, 1: 5}) if one.tenant == "shop"]
    assert (shop.offered, shop.over_share, shop.within_promise, shop.lost) == (80, 68, 0, 0)
    assert shop.admitted_share == 0.15
    assert shop.cost_units == (5 if SHOP == 0 else 30)


def test_a_few_in_thousands_may_be_lost() -> None:
    rows = [(second, TenantSecond(row=SHOP, offered=20, answered=20)) for second in range(35, 39)]
    assert tally(*rows, (39, TenantSecond(row=SHOP, offered=5, answered=2, overloaded=3))).findings(1000) == []


def test_failures_and_slowness_are_found_in_the_order_of_time() -> None:
    slow = {bucket_of(3_000_000): 1}
    found = tally(
        (3, TenantSecond(row=SHOP, offered=1, answered=1, latency=slow)),
        (5, TenantSecond(row=SHOP, offered=4, failed=1, unsent=1)),
    ).findings(1000)
    assert [one.kind for one in found] == ["slow", "failed", "unsent"]


def test_reports_of_one_second_in_parts_add_up() -> None:
    made = tally(
        (3, TenantSecond(row=SHOP, offered=2, answered=1, latency={100: 1})),
        (3, TenantSecond(row=SHOP, answered=1, latency={100: 1, 200: 0})),
    )
    (_, _, _, second) = made.timeline({})
    assert (second.at_s, second.offered, second.answered, second.by_group) == (3, 2, 2, {"shop": 2})
    assert made.latency().total == 2


def books(stored: int, told: Books, joined: int = 0, left: int = 0) -> BooksResult:
    return BooksResult(
        acknowledged=told,
        stored_payments=stored,
        stored_minor=stored * 100,
        stored_refunds=0,
        stored_refunds_minor=0,
        postings=9,
        joined=joined,
        left_open={"events": left},
    )


def test_books_must_agree_but_for_what_nobody_knows() -> None:
    told = Books(payments=5, payments_minor=500, unknown=1, unknown_minor=100)
    assert [book_findings(books(stored, told)) == [] for stored in (4, 5, 6, 7)] == [False, True, True, False]
    assert [one.kind for one in book_findings(books(5, told, joined=1, left=2))] == ["books", "books"]
