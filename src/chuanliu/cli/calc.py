"""`chuanliu calc`: the calculators, one JSON object a line in, one a line out. Needs no platform and no database."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, BinaryIO, Final

import msgspec
import typer

from chuanliu.errors import Invalid
from chuanliu.instalments import calculate_apr, calculate_schedule

LINE_BYTES_MAX: Final = 4 * 1024 * 1024

app = typer.Typer(
    no_args_is_help=True,
    help="Calculators: reads one JSON object a line, prints one a line. A line that is wrong answers with `error`; "
    "the rest is still calculated, and the status is 1.",
)


@app.command("apr")
def calculate_rates() -> None:
    """Annual percentage rates, nominal and effective.

    Members: convention, advances, payments. A flow is a list: for irr month and amount; for eu-ccd date and amount;
    for us-appendix-j unit-periods, fraction of a unit-period and amount, with the member unit_periods_per_year.
    """
    _answer_lines(calculate_apr)


@app.command("schedule")
def calculate_schedules() -> None:
    """Payment schedules of instalments, with total cost and annualised rate.

    Members: principal_minor, instalments, method (annuity, flat, none), annual_rate_pct or total_fee_pct,
    rounding (up, half-even, half-up, down), remainder (first, last), first_due, currency.
    """
    _answer_lines(calculate_schedule)


def _answer_lines(calculate: Callable[[dict[str, Any]], msgspec.Struct]) -> None:
    answer: object
    failed = False
    for number, line in enumerate(_lines(sys.stdin.buffer), 1):
        try:
            if line is None:
                raise Invalid("body_too_large")
            if not line.strip():
                continue
            answer = calculate(_members(line))
        except Invalid as error:
            failed = True
            answer = {
                "error": {"code": error.code, "message": error.message, "field": error.field, "line": number},
            }
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()
    if failed:
        raise typer.Exit(1)


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Lines; None for one that is too long, which is read to its end and dropped."""
    while line := stream.readline(LINE_BYTES_MAX + 1):
        if len(line) <= LINE_BYTES_MAX:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(LINE_BYTES_MAX)
        yield None


def _members(line: bytes) -> dict[str, Any]:
    try:
        members = json.loads(line, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Invalid("invalid_json", "the line is not valid JSON") from None
    if not isinstance(members, dict):
        raise Invalid("invalid_json", "the line is not a JSON object")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
