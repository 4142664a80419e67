"""The bill assistant's page in its states."""

from __future__ import annotations

from typing import Any

from chuanliu.web import (
    AssistantView,
    DemoConsumer,
    Language,
    LimitsView,
    MessageView,
    MonthView,
    PressureView,
    ProductView,
    RingView,
    SettingsView,
    SharesView,
    ShareView,
    SignIn,
)

LEVELS = (("calm", 0), ("watch", 60), ("heavy", 90), ("critical", 120))
SETTINGS = SettingsView("2000.00", "", True, True, False, "", "Asia/Shanghai", "22:00", "08:00")


def ring(**changes: Any) -> RingView:
    """Most of the ideal bill is used."""
    values: dict[str, Any] = {
        "month": 202612,
        "bill_minor": 1660_00,
        "committed_minor": 980_00,
        "repaid_minor": 0,
        "ideal_minor": 2000_00,
        "percent": 83,
        "opened_on": 20261102,
        "closes_on": 20261201,
        "days_left": 4,
        "due_days": (20261209, 20261220),
        "end": (1712_50, 1854_00, 2230_75),
        "reason": "",
    }
    return RingView(**{**values, **changes})


def pressure(index: int, level: str) -> PressureView:
    """With inputs that make the index."""
    months = ((202611, 1123_00), (202612, 1660_00), (202701, 1410_00))
    return PressureView(index, level, index - 5, 5, months, 2000_00, 2, 12, 0, LEVELS)


def months() -> tuple[MonthView, ...]:
    """A year that grows lighter."""
    own = (1123_00, 1240_00, 990_00, 890_00, 690_00, 480_00, 0, 0, 0, 0, 0, 0)
    other = (0, 420_00, 420_00, 420_00, 1420_00, 0, 12_500_00, 0, 0, 0, 0, 9_99)
    return tuple(
        MonthView(
            (2026 + (10 + at) // 12) * 100 + (10 + at) % 12 + 1,
            mine + theirs,
            mine,
            theirs,
            100_00 if not at else 0,
            ((20261209, mine), (20261220, theirs)) if mine else (),
        )
        for at, (mine, theirs) in enumerate(zip(own, other, strict=True))
    )


def shares(word: str) -> SharesView:
    """Seven categories, of which the last two share a shade."""
    named = [("Groceries", 3600), ("Electronics", 2400), (word, 1500), ("Travel", 1200), ("Clothes", 600)]
    named += [("Health", 400), ("Leisure", 300)]
    parts = tuple(ShareView(name, bps * 25, bps, bps * 20) for name, bps in named)
    whole = (ShareView(word, 2500_00, 10_000, 2000_00),)
    return SharesView(202611, 2500_00, 2000_00, parts, whole, whole)


def assistant_views(language: Language, word: str) -> dict[str, AssistantView]:
    """The page with everything, above the ideal, of somebody new, and before signing in."""
    whole = AssistantView(
        language,
        "/assistant",
        "form-token",
        ring=ring(),
        pressure=pressure(76, "watch"),
        months=months(),
        later_minor=350_00,
        shares=shares(word),
        products=(
            ProductView("12345", f"Chuanliu · {word}", 1240_00, 1500_00, 83, 5413_00, "1500.00"),
            ProductView("12346", "Bank of Hebei Ford · Ford card", 420_00, 0, None, None),
        ),
        settings=SETTINGS,
        limits=LimitsView("CNY", "2500.00", "24", "500.00", 1_794_000_000_000_000),
        messages=(MessageView(word, f"{word} is at 80 %.", "2026-11-27 09:00"),),
        problem_code="invalid_amount",
        sandbox=True,
    )
    nothing = SharesView(202611, 0, 0, (), (), ())
    empty = ring(bill_minor=0, committed_minor=0, ideal_minor=0, percent=None, due_days=(), end=(), opened_on=20261101)
    blank = MonthView(202611, 0, 0, 0, 0, ())
    return {
        "assistant": whole,
        "assistant over": AssistantView(
            language,
            "/assistant",
            "form-token",
            ring=ring(bill_minor=2870_00, percent=144, reason="history", repaid_minor=55_00),
            pressure=pressure(151, "critical"),
            months=months(),
            shares=nothing,
            settings=SETTINGS,
            limits=LimitsView("CNY"),
        ),
        "assistant new": AssistantView(
            language,
            "/assistant",
            "form-token",
            ring=empty,
            months=(blank,) * 12,
            shares=nothing,
            settings=SettingsView("", "", False, True, True, "li@example.org", "Europe/Paris", "00:00", "00:00"),
            limits=LimitsView("CNY"),
        ),
        "assistant sign in": AssistantView(
            language,
            "/assistant",
            "form-token",
            sign_in=SignIn("/assistant/sign-in", "form-token", (DemoConsumer("2088000000001005", word, 100),)),
        ),
    }
