"""Lenders' files: what is read, and where each mistake is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chuanliu.lenders import (
    InstalmentTerms,
    LenderSpec,
    lender_document,
    lender_yaml,
    problems_across,
    read_lender_file,
)
from lenders.samples import card_product, credit_pay_product, lender, line_product, terms

GOOD = """\
code: yunhe
kind: bank
name: Yunhe Bank
name_zh: 云禾银行
products:
  - code: yunhe-card
    kind: credit_card
    name: Yunhe Credit Card
    name_zh: 云禾信用卡
    funding: external
    connector: iso8583-1987
    endpoint: 127.0.0.1:9600
    bins: [901100-901199, 90120000-90120099]
    order_min: 300
    order_max: "20000.50"
    statement_day: 5
    due_after_days: 20
    instalments:
      - {count: 3, method: flat, buyer_pct: 2.30, sponsored_pct: 1.8}
      - {count: 12, method: annuity, sponsored_pct: "13.505"}
      - {count: 6, method: none}
    consent: 本人同意。
  - code: yunhe-line
    kind: credit_line
    name: Yunhe Line
    name_zh: 云禾额度
    funding: own
    order_min: 1
    order_max: 1000
    line_limit: 5000
    statement_day: 1
    due_day: 9
    rounding: half-up
    remainder: last
    refund_policy: evenly
    holiday_rule: next-business-day
    fee_refunded: false
    early_repayment_fee_refunded: false
    consent: |
      第一行
      第二行
"""


def test_a_file_is_read_to_the_letter() -> None:
    read = read_lender_file(GOOD)
    assert read.problems == [] and read.spec is not None
    card, line = read.spec.products
    assert card.terms.bins == (("901100", "901199"), ("90120000", "90120099"))
    assert (card.terms.order_min_minor, card.terms.order_max_minor) == (300_00, 20000_50)
    assert [(each.count, each.method, each.buyer_pct, each.sponsored_pct) for each in card.terms.instalments] == [
        (3, "flat", "2.30", "1.8"),
        (12, "annuity", None, "13.505"),
        (6, "none", None, None),
    ]
    assert (card.currency, card.terms.rounding, card.terms.remainder) == ("CNY", "half-even", "first")
    assert (card.terms.fee_refunded, card.terms.line_limit_minor, card.suspended) == (True, 0, None)
    assert (line.terms.rounding, line.terms.refund_policy, line.terms.fee_refunded) == ("half-up", "evenly", False)
    assert line.terms.consent_text == "第一行\n第二行\n"


def test_the_documented_file_is_sound() -> None:
    page = (Path(__file__).parents[2] / "docs" / "lenders.md").read_text("utf-8")
    read = read_lender_file(page.split("```yaml\n", 1)[1].split("```", 1)[0])
    assert read.problems == [] and read.spec is not None


def test_what_is_written_is_read_back_from_both_forms() -> None:
    spec = read_lender_file(GOOD).spec
    assert spec is not None
    assert read_lender_file(lender_yaml(spec)).spec == spec
    assert read_lender_file(json.dumps(lender_document(spec)), as_json=True).spec == spec
    stopped = LenderSpec(spec.code, spec.kind, spec.name, spec.name_zh, spec.products, suspended=True)
    assert "status: suspended" in lender_yaml(stopped) and read_lender_file(lender_yaml(stopped)).spec == stopped


MISTAKES = [
    # what is replaced, by what, and each problem: line, column, path, part of the sentence
    ("kind: bank", "kind: banks", [(2, 7, "kind", "one of bank, platform")]),
    ("code: yunhe\n", "code: Yunhe\n", [(1, 7, "code", "a-z")]),
    ("name_zh: 云禾银行", "name_zh: null", [(4, 10, "name_zh", "is missing")]),
    ("name: Yunhe Bank", "name: [Yunhe]", [(3, 7, "name", "must be text")]),
    ("name: Yunhe Bank", "nam: Yunhe Bank", [(1, 1, "name", "is missing"), (3, 6, "nam", "is not known here")]),
    ("kind: bank", "kind: bank\nstatus: off", [(3, 9, "status", "active, suspended")]),
    ("kind: bank", "kind: platform", [(10, 14, "products[0].funding", "its products are own")]),
    ("funding: external", "funding: own", [
        (10, 14, "products[0].funding", "a card is external"),
        (11, 16, "products[0].connector", "calls no bank"),
        (12, 15, "products[0].endpoint", "calls no bank"),
        (6, 5, "products[0].line_limit", "what a new line gets"),
    ]),
    ("    connector: iso8583-1987\n", "", [(6, 5, "products[0].connector", "is missing")]),
    ("connector: iso8583-1987", "connector: credit-pay", [(11, 16, "products[0].connector", "does not speak")]),
    ("connector: iso8583-1987", "connector: iso8583", [(11, 16, "products[0].connector", "one of iso8583-1987")]),
    ("127.0.0.1:9600", "127.0.0.1:96000", [(12, 15, "products[0].endpoint", "host:port")]),
    ("[901100-901199", "[901100-90119", [(13, 12, "products[0].bins[0]", "6 to 8 digits")]),
    ("[901100-901199", "[901100-9011990", [(13, 12, "products[0].bins[0]", "same number")]),
    ("[901100-901199", "[901199-901100", [(13, 12, "products[0].bins[0]", "begins behind")]),
    ("90120000-90120099", "90115000", [(13, 27, "products[0].bins[1]", "overlaps with bins[0]")]),
    ("[901100-901199, 90120000-90120099]", "[]", [(13, 11, "products[0].bins", "at least one")]),
    ("[901100-901199, 90120000-90120099]", "901100", [(13, 11, "products[0].bins", "must be a list")]),
    ("order_min: 300", "order_min: -300", [(14, 16, "products[0].order_min", "must not be negative")]),
    ("order_min: 300", "order_min: 0", [(14, 16, "products[0].order_min", "more than nothing")]),
    ("order_min: 300", "order_min: 3e2", [(14, 16, "products[0].order_min", "decimal text")]),
    ('"20000.50"', "299.99", [(15, 16, "products[0].order_max", "less than order_min")]),
    ("statement_day: 5", "statement_day: 29", [(16, 20, "products[0].statement_day", "1 to 28")]),
    ("statement_day: 5", "statement_day: 0x5", [(16, 20, "products[0].statement_day", "whole number")]),
    ("due_after_days: 20", "due_after_days: 91", [(17, 21, "products[0].due_after_days", "1 to 90")]),
    ("    due_after_days: 20\n", "", [(6, 5, "products[0].due_day", "either")]),
    ("buyer_pct: 2.30", "buyer_pct: -2.3", [(19, 45, "products[0].instalments[0].buyer_pct", "not be negative")]),
    ("buyer_pct: 2.30", "buyer_pct: 230", [(19, 45, "products[0].instalments[0].buyer_pct", "at most 100")]),
    ("buyer_pct: 2.30", "buyer_pct: 2,3", [(19, 48, "products[0].instalments[0].3", "is not known here")]),
    ("buyer_pct: 2.30", "buyer_pct: 2.30000001", [(19, 45, "products[0].instalments[0].buyer_pct", "six")]),
    ("buyer_pct: 2.30", "buyer_pct: .inf", [(19, 45, "products[0].instalments[0].buyer_pct", "decimal")]),
    ("count: 12", "count: 3", [(20, 17, "products[0].instalments[1].count", "given twice")]),
    ("count: 12", "count: 10", [(20, 17, "products[0].instalments[1].count", "3, 6, 9, 12, 18, 24")]),
    (', sponsored_pct: "13.505"', "", [(20, 9, "products[0].instalments[1]", "buyer_pct, sponsored_pct or both")]),
    ("method: none}", "method: none, buyer_pct: 0}", [
        (21, 45, "products[0].instalments[2].buyer_pct", "costs nothing"),
    ]),
    ("    consent: 本人同意。\n", "", [(6, 5, "products[0].consent", "is missing")]),
    ("code: yunhe-line", "code: yunhe-card", [(23, 11, "products[1].code", "that of products[0]")]),
    ("funding: own", "funding: external", [
        (27, 14, "products[1].funding", "own"),
        (23, 5, "products[1].connector", "is missing"),
        (23, 5, "products[1].endpoint", "is missing"),
    ]),
    ("    line_limit: 5000\n", "", [(23, 5, "products[1].line_limit", "what a new line gets")]),
    ("fee_refunded: false\n    early", "fee_refunded: maybe\n    early", [
        (37, 19, "products[1].fee_refunded", "true or false"),
    ]),
    ("rounding: half-up", "rounding: bankers", [(33, 15, "products[1].rounding", "half-even")]),
    ("name: Yunhe Line", "name: Yunhe Line\n    name: Yunhe Line", [(26, 5, "products[1].name", "given twice")]),
    ("name: Yunhe Line", "name: &a Yunhe Line\n    name_zh: *a\n    x: x", [
        (26, 5, "products[1].name_zh", "aliases"),
    ]),
    ("name: Yunhe Line", "name: !!python/name:os.system Yunhe", [(25, 11, "products[1].name", "tags")]),
    ("name: Yunhe Line", "name: 'Yunhe", [(42, 1, "", "not YAML")]),
    ("name: Yunhe Line", "? [a, b]\n    : c", [(25, 7, "products[1]", "a key must be text")]),
    ("kind: credit_line", "kind: credit_line\n    fees: 3", [(25, 11, "products[1].fees", "is not known here")]),
]  # fmt: skip


@pytest.mark.parametrize(("was", "becomes", "expected"), MISTAKES)
def test_each_mistake_has_its_place(was: str, becomes: str, expected: list[tuple[int, int, str, str]]) -> None:
    assert was in GOOD
    read = read_lender_file(GOOD.replace(was, becomes, 1))
    assert read.spec is None
    found = [(problem.line, problem.column, problem.path) for problem in read.problems]
    assert sorted(found, key=str) == sorted([each[:3] for each in expected], key=str), read.problems
    for path, sentence in [each[2:] for each in expected]:
        assert any(problem.path == path and sentence in problem.message for problem in read.problems), read.problems


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- 1",
        "a",
        "[]",
        "products: 3",
        "products: [3]",
        "---\na: 1\n---\nb: 2",
        "\x00",
        "a: \t- b",
        "[" * 900,
        "{}",
        "\ufeff",
    ],
)
def test_what_is_no_lender_at_all(text: str) -> None:
    assert read_lender_file(text).problems
    assert read_lender_file(text, as_json=True).problems


def test_a_file_has_a_greatest_length() -> None:
    (problem,) = read_lender_file("# " + "x" * 600_000).problems
    assert "longer than" in problem.message


def test_json_problems_have_paths_and_no_places() -> None:
    (problem,) = read_lender_file('{"code": "x", "code": "y"}', as_json=True).problems
    assert (problem.line, problem.path) == (None, "code")
    spec = read_lender_file(GOOD).spec
    assert spec is not None
    document = lender_document(spec)
    document["products"][0]["instalments"][0]["buyer_pct"] = -2.3
    (problem,) = read_lender_file(json.dumps(document), as_json=True).problems
    assert problem == (None, None, "products[0].instalments[0].buyer_pct", "must not be negative")
    document["products"][0]["instalments"][0]["buyer_pct"] = 2.3
    read = read_lender_file(json.dumps(document), as_json=True).spec
    assert read is not None and read.products[0].terms.instalments[0].buyer_pct == "2.3"


def test_files_of_two_lenders_do_not_share_codes_or_cards() -> None:
    one = lender("one", card_product("one-card", ("901100", "901199")), line_product("shared"))
    two = lender("two", card_product("two-card", ("901150", "901150")), credit_pay_product("shared"))
    same = lender("one", card_product("three-card", ("902000", "902000")))
    files = [read_lender_file(lender_yaml(spec)) for spec in (one, two, same)]
    assert [file.problems for file in files] == [[], [], []]
    found = [(number, problem.path) for number, problem in problems_across(files)]
    assert found == [(1, "products[0].bins[0]"), (1, "products[1].code"), (2, "code")]
    assert all(problem.line for _, problem in problems_across(files))


PERCENT = st.decimals(0, 100, places=3).map(str)
COUNTS = st.lists(st.sampled_from((3, 6, 9, 12, 18, 24)), unique=True)


@given(
    COUNTS, PERCENT, st.integers(1, 28), st.sampled_from(("up", "down", "half-up", "half-even")), st.text(min_size=1)
)
@settings(max_examples=60)
def test_any_sound_lender_survives_its_file(counts: list[int], price: str, day: int, rounding: str, text: str) -> None:
    consent = "".join(letter for letter in text if letter.isprintable()) or "x"
    made = terms(
        instalments=tuple(InstalmentTerms(count, "flat", price) for count in counts),
        statement_day=day,
        rounding=rounding,
        consent_text=consent,
    )
    spec = lender("any", line_product("any-line", terms=made))
    assert read_lender_file(lender_yaml(spec)).spec == spec
    assert read_lender_file(json.dumps(lender_document(spec)), as_json=True).spec == spec


@given(st.text())
@settings(max_examples=200)
def test_no_text_makes_it_raise(text: str) -> None:
    for as_json in (False, True):
        read = read_lender_file(text, as_json=as_json)
        assert read.spec is None and read.problems
