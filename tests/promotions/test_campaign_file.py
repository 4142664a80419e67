"""A campaign as a file: all of it read, and each mistake told with its line."""

from __future__ import annotations

import pytest

from chuanliu.engine import Reference
from chuanliu.errors import Invalid
from chuanliu.ids import party_number
from chuanliu.ledger import PLATFORM
from chuanliu.promotions import new_campaign, read_campaign_file

SHOP = party_number(77)

FILE = f"""\
code: double-eleven
name: No interest for twelve months
name_zh: 双十一十二期免息
starts_at: 2026-11-01 00:00
ends_at: 2026-11-12T00:00:00+08:00
sponsors:
  - kind: platform
    share_bps: 4000
    budget: 100000.00
    cap: 50.00
  - kind: brand
    name: Some Brand
    share_bps: 6000
    budget: 200000
terms:
  merchants: [{SHOP}]
  categories: [5732, 5000-5999]
  instalments: [6, 12]
  amount_min: 100.00
  per_consumer_uses: 3
  stacking: stackable
  stack_group: autumn
"""


def test_a_file_becomes_a_command() -> None:
    file = read_campaign_file(FILE)
    assert file.problems == []
    assert file.spec is not None
    command = new_campaign(Reference(), file.spec, None, agreed=True)
    assert (command.owner_id, command.code, command.name_zh) == (PLATFORM, "double-eleven", "双十一十二期免息")
    assert command.ends_at - command.starts_at == 11 * 86_400_000_000
    assert [(s.kind, s.share_bps, s.budget_minor, s.cap_minor) for s in command.sponsors] == [
        ("platform", 4_000, 10_000_000, 5_000),
        ("brand", 6_000, 20_000_000, None),
    ]
    terms = command.terms
    assert (terms.merchants, terms.categories) == ({SHOP}, ("5732", "5000-5999"))
    assert (terms.instalments, terms.amount_min_minor, terms.per_consumer_uses) == ({6, 12}, 10_000, 3)
    assert (terms.stacking, terms.stack_group, terms.first_use_only) == ("stackable", "autumn", False)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("share_bps: 4000", "share_bps: -1", "line 8, column 16: sponsors[0].share_bps: must not be negative"),
        ("budget: 200000", "budget: -5", "line 14, column 13: sponsors[1].budget: must not be negative"),
        ("    budget: 200000\n", "", "line 11, column 5: sponsors[1].budget: is missing"),
        ("  - kind: brand", "  - kind: king", "line 11, column 11: sponsors[1].kind: must be one of"),
        ("2026-11-01 00:00", "tomorrow", "line 4, column 12: starts_at: must be as"),
        ("name: No interest", "nom: x\nname: No interest", "line 2, column 6: nom: is not known here"),
        (f"[{SHOP}]", "[12]", "line 16, column 15: terms.merchants[0]: must be a number of 16 digits"),
        ("[6, 12]", "6", "line 18, column 16: terms.instalments: must be a list"),
        ("code: double", "code: [", "line"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, problem: str) -> None:
    assert old in FILE
    file = read_campaign_file(FILE.replace(old, new))
    assert file.spec is None
    assert any(str(each).startswith(problem) for each in file.problems), list(map(str, file.problems))


def test_what_a_command_refuses_is_told_with_its_line_too() -> None:
    file = read_campaign_file(FILE)
    error = Invalid("invalid_parameter", "the shares are too much", field="sponsors[1].share_bps")
    assert str(file.problem_of(error)).startswith("line 13, column 16: sponsors[1].share_bps")


def test_a_code_of_nobody_is_told_with_its_place() -> None:
    file = read_campaign_file(FILE.replace("merchants:", "lenders: [no-bank]\n  merchants:"))
    assert file.spec is not None
    with pytest.raises(Invalid) as caught:
        new_campaign(Reference(), file.spec, None)
    assert caught.value.field == "terms.lenders[0]"


def test_a_change_needs_nothing() -> None:
    file = read_campaign_file("name: Other\nterms:\n  instalments: [3]\n", changing=True)
    assert file.spec is not None
    assert (file.spec.name, file.spec.code, file.spec.sponsors, file.spec.starts_at) == ("Other", None, None, None)
    assert read_campaign_file("code: x\n", changing=True).spec is None, "a code never changes"
