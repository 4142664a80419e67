"""The operations screen in its states, for the tests of this folder."""

from __future__ import annotations

from typing import Any

from chuanliu.clock import MINUTE, SECOND
from chuanliu.web import (
    JobRow,
    Language,
    NextStep,
    OperationsView,
    PastEvent,
    PlanStep,
    RiverStep,
    SignInView,
    TenantRow,
    WindowChoice,
    render_operations,
    render_operations_sign_in,
)

NOW = 1_794_000_000 * SECOND
STANDINGS = ("promise", "over", "capped", "overload", "shared", "refused", "past")
JOB_STATES = ("idle", "running", "paused", "failed", "risk")
ENDS = ("running", "passed", "failed", "stopped")


def operations_view(language: Language, word: str = "*小川", **changed: Any) -> OperationsView:
    steps = tuple(
        RiverStep(
            at=NOW + number * 5 * SECOND,
            offered=10 + number,
            admitted=9 + number,
            rejected=1,
            p50_ms=4.5,
            p99_ms=None if number == 3 else 40 + number,
            paid_minor=100_00 * number,
            by_tenant={f"{word} {tenant}": float(tenant + number) for tenant in range(12)},
        )
        for number in range(12)
    )
    values: dict[str, Any] = {
        "language": language,
        "page_path": "/operations?minutes=15",
        "live_url": "/operations-live",
        "is_live": True,
        "is_shadow": False,
        "until": NOW + MINUTE,
        "step": 5 * SECOND,
        "steps": steps,
        "plan": tuple(PlanStep(capacity_per_s=40, promised_per_s=30, units=2 + at // 8) for at in range(16)),
        "next_steps": (NextStep(at=NOW + MINUTE, units=9, change=7, why=word),),
        "tenants": tuple(
            TenantRow(name=word, offered=9, admitted=8, rejected=1, guarantee=5, cap=8.0, standing=standing)
            for standing in STANDINGS
        ),
        "jobs": tuple(
            JobRow(name=word, status=state, done=1, total=2, finish_by=NOW, problem=word if state == "failed" else "")
            for state in JOB_STATES
        ),
        "past": tuple(
            PastEvent(name=word, status=end, started_at=NOW, link="/operations?at=x", remark=word) for end in ENDS
        ),
        "spans": (WindowChoice("15", "/operations", True), WindowChoice("60", "/operations?minutes=60")),
        "pools": (WindowChoice(word, "/operations", True),),
        "moves": (WindowChoice(word, "/operations?at=y"),),
        "gateways": 2,
        "queue_ms": 3.2,
        "limit_per_s": 50.0,
        "paid_minor": 1_234_567_00,
        "paid_count": 4_321,
        "instalment_users": 17,
        "instalment_plans": 19,
        "cost_units": 99,
        "p99_ms": 47.0,
        "sign_out_token": word,
    }
    return OperationsView(**(values | changed))


def operations_pages(language: Language, word: str = "*小川") -> dict[str, str]:
    nothing = {
        "steps": (), "plan": (), "next_steps": (), "tenants": (), "jobs": (), "past": (), "moves": (),
        "gateways": None, "queue_ms": None, "limit_per_s": None, "paid_minor": None, "paid_count": None,
        "p99_ms": None, "is_live": False, "is_shadow": True, "sign_out_token": "",
    }  # fmt: skip
    return {
        "operations": render_operations(operations_view(language, word)),
        "operations empty": render_operations(operations_view(language, word, **nothing)),
        "operations sign-in": render_operations_sign_in(SignInView(language, "/operations", word)),
        "operations sign-in again": render_operations_sign_in(
            SignInView(language, "/operations", word, "api_key_invalid")
        ),
    }
