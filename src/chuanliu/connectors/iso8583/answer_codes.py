"""What a bank's answer codes mean: response codes of 1987 (two characters) and action codes of 1993 (three digits).

Four kinds of answers are no. A *refusal* is the bank's last word. *Not now* says that nothing was done: a refusal of an
authorisation that was asked for the first time, while everything else is unknown and asked again. *Outcome unknown* is
what a bank or a switch says when it lost its own way: the call may have taken effect, so it is never a refusal. A code
that is not listed is unknown too: guessing that it means no could lose a charge. A *repeated* call is one that the bank
has had before: what it came to then is unknown, and must be asked.
"""

from __future__ import annotations

from typing import Final

from chuanliu.connectors.bank import BankAnswer, CallKind

_NOT_NOW: Final = "bank_unavailable"
_UNKNOWN: Final = "bank_outcome_unknown"
_REPEATED: Final = "bank_call_repeated"
_INVALID: Final = "bank_answer_invalid"
_YES: Final = ""

_CODES_1987: Final[dict[str, str]] = {
    # approved; 08 with identification, 11 for a VIP, 16 with an update of the stripe
    _YES: "00 08 11 16",
    "card_declined": "01 02 04 05 07 34 35 37 38 55 59 63 75 93",
    "card_expired": "33 54",
    "card_invalid": "14 15 42 52 53 56",
    "card_funds_insufficient": "51",
    "card_limit_exceeded": "61 65",
    "card_not_allowed": "36 39 57 58 62",
    "card_stolen_or_lost": "41 43",
    # merchant, transaction, amount, format, function, institution
    "bank_refused": "03 12 13 30 31 40",
    "bank_call_not_found": "25",
    # enter again, the day is being closed, no route to the bank
    _NOT_NOW: "19 90 92",
    # error, in progress, suspected malfunction, answered too late, issuer inoperative, system malfunction
    _UNKNOWN: "06 09 22 68 91 96",
    _REPEATED: "94",
    # approved for a part, which was not asked for: the part must be reversed
    _INVALID: "10",
}

_CODES_1993: Final[dict[str, str]] = {
    # approved; 001 with identification, 003 for a VIP, 400 reversal accepted, 901 advice acknowledged with liability
    _YES: "000 001 003 400 901",
    "card_declined": "100 102 103 105 106 107 108 112 117 122 124 200 202 203 205 206 207 210",
    "card_expired": "101 201",
    "card_invalid": "111 118 125",
    "card_funds_insufficient": "116",
    "card_limit_exceeded": "121 123",
    "card_not_allowed": "104 114 119 120 204",
    "card_stolen_or_lost": "208 209",
    # merchant, amount, function, advice without liability, transaction, format, acquirer, business arrangement
    "bank_refused": "109 110 115 900 902 904 905 950",
    "bank_call_not_found": "914",
    # enter again, the day is being closed, no route to the bank, the bank has signed off
    _NOT_NOW: "903 906 908 910",
    # issuer inoperative, system malfunction, issuer timed out, issuer unavailable, in progress
    _UNKNOWN: "907 909 911 912 923",
    _REPEATED: "913",
    _INVALID: "002",
}

_ONLY_FOR: Final[dict[str, CallKind]] = {"400": "reverse", "901": "complete"}


def _by_code(table: dict[str, str]) -> dict[str, str]:
    return {code: reason for reason, codes in table.items() for code in codes.split()}


MEANINGS_1987: Final = _by_code(_CODES_1987)
MEANINGS_1993: Final = _by_code(_CODES_1993)

ACTION_OF_RESPONSE: Final[dict[str, str]] = {
    "00": "000", "01": "107", "02": "108", "03": "109", "05": "100", "06": "909", "09": "923", "12": "902", "13": "110",
    "14": "111", "19": "903", "22": "909", "25": "914", "30": "904", "33": "201", "40": "115", "41": "208", "43": "209",
    "51": "116", "54": "101", "57": "119", "58": "120", "59": "102", "61": "121", "62": "104", "63": "122", "65": "123",
    "68": "911", "75": "106", "90": "906", "91": "907", "92": "908", "94": "913", "96": "909",
}  # fmt: skip
"""How the books' codes are said in 1993; what is not listed is 100, do not honour."""


def judge(code: str, kind: CallKind, attempt: int, meanings: dict[str, str]) -> BankAnswer:
    """The verdict on a call, not on an inquiry. `attempt` is 1 for a call that was made once."""
    reason = meanings.get(code, _INVALID)
    if _ONLY_FOR.get(code, kind) != kind:
        reason = _INVALID
    if reason == _YES:
        return BankAnswer("succeeded", raw_code=code)
    if reason in (_UNKNOWN, _REPEATED, _INVALID) or (reason == _NOT_NOW and not (kind == "authorise" and attempt == 1)):
        return BankAnswer("unknown", reason, raw_code=code)
    return BankAnswer("refused", reason, raw_code=code)


def judge_inquiry(code: str, outcome: str | None, meanings: dict[str, str]) -> BankAnswer:
    """The verdict on an inquiry: `code` says whether it could be answered, `outcome` what the call came to.

    A call that is not known to the bank has not taken effect. Any other no to the inquiry itself says nothing of it.
    """
    reason = meanings.get(code, _INVALID)
    if reason == "bank_call_not_found":
        return BankAnswer("refused", reason, raw_code=code)
    if reason != _YES:
        return BankAnswer("unknown", _UNKNOWN, raw_code=code)
    if outcome is None:
        return BankAnswer("unknown", _INVALID, raw_code=code)
    reason = meanings.get(outcome, _INVALID)
    if reason == _YES:
        return BankAnswer("succeeded", raw_code=outcome)
    if reason in (_UNKNOWN, _REPEATED, _INVALID):
        return BankAnswer("unknown", reason, raw_code=outcome)
    return BankAnswer("refused", reason, raw_code=outcome)
