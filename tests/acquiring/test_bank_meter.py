"""How it stands with banks, as Prometheus reads it."""

from __future__ import annotations

from chuanliu.acquiring import BankMeter, BankState, WaitingCalls
from chuanliu.serving import metrics_text

STATES = [
    BankState("yunhe-card", "127.0.0.1:9600", breaker_open=False, in_flight=3, counts={"sent": 9, "answered": 6}),
    BankState("yunhe-pay", "http://127.0.0.1:9601", breaker_open=True, in_flight=0, counts={"refused": 4}),
]
CARD = 'endpoint="127.0.0.1:9600",product="yunhe-card"'


def lines_of(meter: BankMeter) -> set[str]:
    return {line for line in metrics_text(meter).splitlines() if not line.startswith("#")}


def test_a_process_tells_what_it_did_with_each_bank() -> None:
    lines = lines_of(BankMeter(STATES))
    assert 'chuanliu_bank_events_total{endpoint="127.0.0.1:9600",event="sent",product="yunhe-card"} 9.0' in lines
    assert f"chuanliu_bank_calls_in_flight{{{CARD}}} 3.0" in lines
    assert f"chuanliu_bank_breaker_open{{{CARD}}} 0.0" in lines
    assert 'chuanliu_bank_breaker_open{endpoint="http://127.0.0.1:9601",product="yunhe-pay"} 1.0' in lines
    assert not any("chuanliu_bank_calls_due" in line or "quotes_held" in line for line in lines)


def test_the_database_tells_what_waits() -> None:
    lines = lines_of(BankMeter([], [WaitingCalls("yunhe", 12, 3.5)], 7))
    assert lines == {
        'chuanliu_bank_calls_due{lender="yunhe"} 12.0',
        'chuanliu_bank_calls_overdue_seconds{lender="yunhe"} 3.5',
        "chuanliu_quotes_held 7.0",
    }
