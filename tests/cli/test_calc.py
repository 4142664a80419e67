"""`chuanliu calc`, as a real process: one object a line, in and out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from chuanliu.cli.calc import LINE_BYTES_MAX

RATE = {"convention": "irr", "advances": [[0, "1000"]], "payments": [[1, 340], [2, "340.00"], [3, 3.4e2]]}
SCHEDULE = {
    "principal_minor": 545,
    "instalments": 3,
    "method": "flat",
    "total_fee_pct": 2.3,
    "rounding": "half-even",
    "remainder": "first",
    "first_due": "2026-01-31",
    "currency": "CNY",
}


def calc(command: str, lines: bytes) -> subprocess.CompletedProcess[bytes]:
    program = "from chuanliu.cli import main; main()"
    arguments = [sys.executable, "-c", program, "calc", command]
    return subprocess.run(arguments, input=lines, capture_output=True, check=False, timeout=60)


def answers_of(done: subprocess.CompletedProcess[bytes]) -> Sequence[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_rates_line_by_line() -> None:
    lines = [json.dumps(RATE), "", "   ", json.dumps({**RATE, "payments": [[12, 1100]]})]
    done = calc("apr", "\n".join(lines).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert answers_of(done) == [
        {"apr_pct": 11.960461, "effective_pct": 12.638398},
        {"apr_pct": 9.568969, "effective_pct": 10.0},
    ]


def test_a_schedule_has_exactly_the_members_of_its_page() -> None:
    done = calc("schedule", json.dumps(SCHEDULE).encode() + b"\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert answers_of(done) == [
        {
            "instalments": [
                {
                    "n": n,
                    "due": due,
                    "principal_minor": principal,
                    "interest_minor": 0,
                    "fee_minor": fee,
                    "payment_minor": principal + fee,
                    "balance_minor": balance,
                }
                for n, due, principal, fee, balance in [
                    (1, "2026-01-31", 183, 5, 362),
                    (2, "2026-02-28", 181, 4, 181),
                    (3, "2026-03-31", 181, 4, 0),
                ]
            ],
            "total_cost_minor": 13,
            "apr_pct": 14.29469,
        }
    ]


def test_bad_lines_are_answered_and_the_rest_is_calculated() -> None:
    good = json.dumps(RATE).encode()
    lines = [
        good,
        b"{",
        b"[1]",
        b'{"convention": "irr", "advances": [[0, NaN]], "payments": []}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        b" " * (LINE_BYTES_MAX + 1),
        json.dumps({**RATE, "advances": []}).encode(),
        good,
    ]
    done = calc("apr", b"\n".join(lines))
    assert (done.returncode, done.stderr) == (1, b"")
    answers = answers_of(done)
    assert len(answers) == len(lines)
    assert answers[0] == answers[-1] == {"apr_pct": 11.960461, "effective_pct": 12.638398}
    errors = [answer["error"] for answer in answers[1:-1]]
    assert [(error["code"], error["field"], error["line"]) for error in errors] == [  # type: ignore[index]
        ("invalid_json", None, 2),
        ("invalid_json", None, 3),
        ("invalid_json", None, 4),
        ("invalid_json", None, 5),
        ("invalid_json", None, 6),
        ("invalid_json", None, 7),
        ("body_too_large", None, 8),
        ("invalid_parameter", "advances", 9),
    ]
    assert all(error["message"] for error in errors)  # type: ignore[index]


def test_each_line_is_answered_before_the_next_is_read() -> None:
    program = "from chuanliu.cli import main; main()"
    arguments = [sys.executable, "-c", program, "calc", "apr"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None and running.stdout is not None
        for _ in range(3):
            running.stdin.write(json.dumps(RATE).encode() + b"\n")
            running.stdin.flush()
            assert json.loads(running.stdout.readline())["apr_pct"] == 11.960461
        running.stdin.close()
        assert running.wait(timeout=30) == 0


def test_nothing_in_nothing_out() -> None:
    done = calc("schedule", b"")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
