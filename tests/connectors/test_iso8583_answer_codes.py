"""What each answer code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chuanliu.connectors.iso8583.answer_codes import (
    ACTION_OF_RESPONSE,
    MEANINGS_1987,
    MEANINGS_1993,
    judge,
    judge_inquiry,
)
from chuanliu.errors import CODES


@pytest.mark.parametrize(
    ("code", "kind", "attempt", "verdict", "reason"),
    [
        ("00", "authorise", 1, "succeeded", None),
        ("11", "authorise", 1, "succeeded", None),
        ("10", "authorise", 1, "unknown", "bank_answer_invalid"),
        ("05", "authorise", 1, "refused", "card_declined"),
        ("14", "authorise", 1, "refused", "card_invalid"),
        ("51", "authorise", 2, "refused", "card_funds_insufficient"),
        ("54", "authorise", 1, "refused", "card_expired"),
        ("61", "authorise", 1, "refused", "card_limit_exceeded"),
        ("57", "authorise", 1, "refused", "card_not_allowed"),
        ("43", "authorise", 1, "refused", "card_stolen_or_lost"),
        ("12", "reverse", 1, "refused", "bank_refused"),
        ("25", "complete", 1, "refused", "bank_call_not_found"),
        # may have taken effect
        ("91", "authorise", 1, "unknown", "bank_outcome_unknown"),
        ("96", "authorise", 1, "unknown", "bank_outcome_unknown"),
        ("68", "complete", 1, "unknown", "bank_outcome_unknown"),
        ("94", "authorise", 2, "unknown", "bank_call_repeated"),
        # nothing was done this time; what was done the time before is not known
        ("90", "authorise", 1, "refused", "bank_unavailable"),
        ("90", "authorise", 2, "unknown", "bank_unavailable"),
        ("92", "reverse", 1, "unknown", "bank_unavailable"),
        ("ZZ", "authorise", 1, "unknown", "bank_answer_invalid"),
        ("", "authorise", 1, "unknown", "bank_answer_invalid"),
    ],
)
def test_response_codes(code: str, kind: str, attempt: int, verdict: str, reason: str | None) -> None:
    answer = judge(code, kind, attempt, MEANINGS_1987)
    assert (answer.verdict, answer.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("code", "kind", "verdict", "reason"),
    [
        ("000", "authorise", "succeeded", None),
        ("400", "reverse", "succeeded", None),
        ("400", "authorise", "unknown", "bank_answer_invalid"),
        ("901", "complete", "succeeded", None),
        ("901", "refund", "unknown", "bank_answer_invalid"),
        ("900", "complete", "refused", "bank_refused"),
        ("116", "authorise", "refused", "card_funds_insufficient"),
        ("208", "authorise", "refused", "card_stolen_or_lost"),
        ("914", "reverse", "refused", "bank_call_not_found"),
        ("907", "authorise", "unknown", "bank_outcome_unknown"),
        ("911", "authorise", "unknown", "bank_outcome_unknown"),
        ("910", "authorise", "refused", "bank_unavailable"),
        ("910", "refund", "unknown", "bank_unavailable"),
        ("00", "authorise", "unknown", "bank_answer_invalid"),
    ],
)
def test_action_codes(code: str, kind: str, verdict: str, reason: str | None) -> None:
    answer = judge(code, kind, 1, MEANINGS_1993)
    assert (answer.verdict, answer.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("code", "outcome", "verdict", "reason"),
    [
        ("00", "00", "succeeded", None),
        ("00", "51", "refused", "card_funds_insufficient"),
        ("00", "12", "refused", "bank_refused"),
        ("00", "91", "unknown", "bank_outcome_unknown"),
        ("00", None, "unknown", "bank_answer_invalid"),
        ("25", None, "refused", "bank_call_not_found"),
        # a no to the inquiry is no answer on the call
        ("12", None, "unknown", "bank_outcome_unknown"),
        ("30", None, "unknown", "bank_outcome_unknown"),
        ("51", "51", "unknown", "bank_outcome_unknown"),
        ("96", "00", "unknown", "bank_outcome_unknown"),
    ],
)
def test_answers_to_inquiries(code: str, outcome: str | None, verdict: str, reason: str | None) -> None:
    answer = judge_inquiry(code, outcome, MEANINGS_1987)
    assert (answer.verdict, answer.reason) == (verdict, reason)


@pytest.mark.parametrize(("meanings", "width"), [(MEANINGS_1987, 2), (MEANINGS_1993, 3)])
def test_every_code_means_one_thing_that_has_words(meanings: dict[str, str], width: int) -> None:
    assert {len(code) for code in meanings} == {width}
    assert set(meanings.values()) - {""} <= set(CODES)


def test_what_the_books_say_means_the_same_in_both_editions() -> None:
    """The simulator's books answer in codes of 1987; a bank of 1993 must not say something else by it."""
    for response, action in ACTION_OF_RESPONSE.items():
        ours, theirs = judge(response, "authorise", 1, MEANINGS_1987), judge(action, "authorise", 1, MEANINGS_1993)
        assert (response, ours.verdict, ours.reason) == (response, theirs.verdict, theirs.reason)


def test_the_documented_codes_are_those_of_the_tables() -> None:
    page = (Path(__file__).parents[2] / "docs" / "banks-iso8583.md").read_text(encoding="utf-8")
    section = page.split("## What each answer code does", 1)[1].split("\n\n", 2)[1]
    listed: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for row in section.splitlines()[2:]:
        _, _, reason, *cells, _ = [cell.strip() for cell in row.split("|")]
        for known, cell in zip(listed, cells, strict=True):
            text = re.sub(r"(\d+)–(\d+)", lambda m: " ".join(map(str, range(int(m[1]), int(m[2]) + 1))), cell)
            known.update(dict.fromkeys(re.findall(r"\b\d{2,3}\b", text), reason.strip("`")))
    assert listed == (MEANINGS_1987, MEANINGS_1993)
