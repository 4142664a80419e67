"""The operations screen: the river of requests against plan and capacity, what comes next and why, and past events.

`render_operations` gives the page, `render_operations_live` the part of it that a script fetches anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from markupsafe import Markup

from chuanliu.clock import MINUTE, SECOND, Micros, wall_text
from chuanliu.web.flow_drawing import COLOURS, Flow, Stroke, Tick, flows_svg
from chuanliu.web.language import Language
from chuanliu.web.rendering import render
from chuanliu.web.texts import text
from chuanliu.web.wording import amount_text, count_text, rate_text, short_amount

_TICKS: Final = 8
_ROWS_MAX: Final = 120
_SMALL: Final = (560, 240)


class RiverStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step of time. Rates are requests a second; what is not known is None. `by_tenant` are admitted ones."""

    at: Micros
    offered: float
    admitted: float
    rejected: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    paid_minor: int | None = None
    by_tenant: dict[str, float] = {}


class PlanStep(msgspec.Struct, frozen=True, kw_only=True):
    """The plan at a step: what its units serve, what is promised, how many they are."""

    capacity_per_s: float | None = None
    promised_per_s: float | None = None
    units: int | None = None


class NextStep(msgspec.Struct, frozen=True, kw_only=True):
    """A change of units that is planned, by so many, and why."""

    at: Micros
    units: int
    change: int
    why: str


class TenantRow(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant in the window, requests a second; `standing` is why it gets what it gets: the key of a text."""

    name: str
    offered: float
    admitted: float
    rejected: float
    guarantee: float
    cap: float | None
    standing: str


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """An offline job. `status` is idle, running, paused, failed or risk."""

    name: str
    status: str
    done: int
    total: int
    finish_by: Micros
    problem: str


class PastEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A rehearsal: how it went, and where it is shown."""

    name: str
    status: str
    started_at: Micros
    link: str
    remark: str


class WindowChoice(msgspec.Struct, frozen=True):
    """A link to another window or pool."""

    label: str
    link: str
    is_current: bool = False


class OperationsView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the screen. `plan` has a step for each of `steps` and more behind them for what is to come.

    `queue_ms` and `gateways` are of this moment, None in the past. `paid_minor` is None where counting took too long.
    """

    language: Language
    page_path: str
    live_url: str
    is_live: bool
    is_shadow: bool
    until: Micros
    step: Micros
    steps: tuple[RiverStep, ...]
    plan: tuple[PlanStep, ...]
    next_steps: tuple[NextStep, ...]
    tenants: tuple[TenantRow, ...]
    jobs: tuple[JobRow, ...]
    past: tuple[PastEvent, ...]
    spans: tuple[WindowChoice, ...]
    pools: tuple[WindowChoice, ...]
    moves: tuple[WindowChoice, ...]
    gateways: int | None
    queue_ms: float | None
    limit_per_s: float | None
    paid_minor: int | None
    paid_count: int | None
    instalment_users: int
    instalment_plans: int
    cost_units: int
    p99_ms: float | None
    sign_out_token: str = ""


class SignInView(msgspec.Struct, frozen=True):
    """The page that asks an operator for her key."""

    language: Language
    page_path: str
    csrf_token: str
    problem_code: str = ""


class _Panel(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    title: str
    svg: Markup
    legend: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def render_operations(view: OperationsView) -> str:
    """The whole page."""
    return render("operations.html", view.language, view=view, **_parts(view))


def render_operations_live(view: OperationsView) -> str:
    """What changes: figures, pictures, tables."""
    return render("operations_live.html", view.language, view=view, **_parts(view))


def render_operations_sign_in(view: SignInView) -> str:
    """The page for who is not signed in."""
    return render("operations_sign_in.html", view.language, view=view)


def _parts(view: OperationsView) -> dict[str, object]:
    return {"figures": _figures(view), "panels": (_river(view), _latency(view), _units(view), _money(view))}


def _figures(view: OperationsView) -> tuple[tuple[str, str, str], ...]:
    """(class of text, large text, small text)."""
    language = view.language
    recent = view.steps[-2:-1] or view.steps[-1:] if view.is_live else view.steps
    offered, admitted, rejected = (_mean([getattr(each, name) for each in recent]) for name in _RATES)
    capacity = _capacity_now(view)
    used = f"{admitted / capacity:.0%}" if capacity else "–"
    queue = "–" if view.queue_ms is None else f"{view.queue_ms:,.0f} ms"
    running = sum(1 for job in view.jobs if job.status == "running")
    risky = sum(1 for job in view.jobs if job.status in ("risk", "failed"))
    found = (
        ("rate", rate_text(admitted), text("operations.offered_now", language, rate=rate_text(offered))),
        (
            "used",
            used,
            text("operations.no_limit", language)
            if capacity is None
            else text("operations.of_capacity", language, rate=rate_text(capacity)),
        ),
        ("rejected", f"{rejected / offered:.1%}" if offered else "0%", rate_text(rejected) + " /s"),
        ("latency", "–" if view.p99_ms is None else f"{view.p99_ms:,.0f} ms", "p99"),
        ("queue", queue, text("operations.queue_hint", language)),
        ("units", "–" if view.gateways is None else count_text(view.gateways), _planned_units(view)),
        (
            "money",
            "–" if view.paid_minor is None else "¥" + short_amount(view.paid_minor, "CNY", language),
            "–"
            if view.paid_count is None
            else text("operations.payments", language, count=count_text(view.paid_count)),
        ),
        (
            "instalments",
            count_text(view.instalment_users),
            text("operations.plans", language, count=count_text(view.instalment_plans)),
        ),
        ("offline", count_text(running), text("operations.jobs_risk", language, count=count_text(risky))),
    )
    return tuple((name, large, small) for name, large, small in found)


_RATES: Final = ("offered", "admitted", "rejected")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _capacity_now(view: OperationsView) -> float | None:
    plan = view.plan[min(len(view.steps), len(view.plan)) - 1] if view.plan and view.steps else PlanStep()
    known = [each for each in (plan.capacity_per_s, view.limit_per_s) if each]
    return min(known) if known else None


def _planned_units(view: OperationsView) -> str:
    plan = view.plan[min(len(view.steps), len(view.plan)) - 1] if view.plan and view.steps else PlanStep()
    if plan.units is None:
        return text("operations.no_plan", view.language)
    return text("operations.planned_units", view.language, count=count_text(plan.units))


def _clock(at: Micros, step: Micros) -> str:
    words = wall_text(at)
    return words[11:19] if step < MINUTE else words[5:16]


def _ticks(view: OperationsView, most: int = _TICKS) -> list[Tick]:
    count = max(len(view.steps), len(view.plan))
    if not view.steps or not count:
        return []
    every = max(1, count // most)
    first = view.steps[0].at
    day = view.step >= 10 * MINUTE
    return [
        Tick(at, wall_text(first + at * view.step)[5:16] if day else wall_text(first + at * view.step)[11:16])
        for at in range(every // 2, count - every // 3, every)
    ]


def _now(view: OperationsView) -> float | None:
    return len(view.steps) - 1 if view.is_live and len(view.plan) > len(view.steps) else None


def _rows(steps: Sequence[RiverStep]) -> list[RiverStep]:
    """The latest first; thinned where there are many."""
    every = max(1, -(-len(steps) // _ROWS_MAX))
    return list(reversed(steps))[::every]


def _river(view: OperationsView) -> _Panel:
    language = view.language
    totals: dict[str, float] = {}
    for step in view.steps:
        for name, rate in step.by_tenant.items():
            totals[name] = totals.get(name, 0.0) + rate
    names = sorted(totals, key=lambda name: (-totals[name], name))
    shown, rest = names[: COLOURS - 1], names[COLOURS - 1 :]
    flows = [Flow(name, tuple(step.by_tenant.get(name, 0.0) for step in view.steps)) for name in shown]
    if rest:
        others = text("operations.others", language, count=count_text(len(rest)))
        flows.append(Flow(others, tuple(sum(step.by_tenant.get(name, 0.0) for name in rest) for step in view.steps)))
    words = {name: text(f"operations.{name}", language) for name in ("offered", "promised", "capacity")}
    strokes = [Stroke(words["offered"], "offered", tuple(step.offered for step in view.steps))]
    legend = [(f"flow-{min(at, COLOURS - 1)}", flow.name) for at, flow in enumerate(flows)]
    legend.append(("offered", words["offered"]))
    if any(each.promised_per_s is not None for each in view.plan):
        strokes.append(Stroke(words["promised"], "plan", tuple(each.promised_per_s for each in view.plan)))
        legend.append(("plan", words["promised"]))
    capacity = tuple(each.capacity_per_s for each in view.plan)
    if not any(each is not None for each in capacity) and view.limit_per_s is not None and view.is_live:
        capacity = (view.limit_per_s,) * len(view.steps)
    if any(each is not None for each in capacity):
        strokes.append(Stroke(words["capacity"], "capacity", capacity))
        legend.append(("capacity", words["capacity"]))
    return _Panel(
        name="river",
        title=text("operations.river", language),
        svg=flows_svg(
            flows, strokes, _ticks(view), label=text("operations.river_label", language), now=_now(view), height=460
        ),
        legend=tuple(legend),
        columns=(
            text("operations.time", language),
            words["offered"],
            text("operations.admitted", language),
            text("operations.turned_away", language),
            *(flow.name for flow in flows),
        ),
        rows=tuple(
            (
                _clock(step.at, view.step),
                rate_text(step.offered),
                rate_text(step.admitted),
                rate_text(step.rejected),
                *(rate_text(step.by_tenant.get(name, 0.0)) for name in shown),
                *([rate_text(sum(step.by_tenant.get(name, 0.0) for name in rest))] if rest else []),
            )
            for step in _rows(view.steps)
        ),
    )


def _latency(view: OperationsView) -> _Panel:
    language = view.language
    ahead = (None,) * max(0, len(view.plan) - len(view.steps))
    return _Panel(
        name="latency",
        title=text("operations.latency_picture", language),
        svg=flows_svg(
            [],
            [
                Stroke("p99", "latency", (*(step.p99_ms for step in view.steps), *ahead)),
                Stroke("p50", "wait", (*(step.p50_ms for step in view.steps), *ahead)),
            ],
            _ticks(view, 4),
            label=text("operations.latency_label", language),
            width=_SMALL[0],
            height=_SMALL[1],
        ),
        legend=(("latency", "p99"), ("wait", "p50")),
        columns=(text("operations.time", language), "p50", "p99"),
        rows=tuple((_clock(step.at, view.step), _ms(step.p50_ms), _ms(step.p99_ms)) for step in _rows(view.steps)),
    )


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f} ms"


def _units(view: OperationsView) -> _Panel:
    language = view.language
    first = view.steps[0].at if view.steps else view.until
    known = [(at, each) for at, each in enumerate(view.plan) if each.units is not None]
    changes = [
        (at, each) for number, (at, each) in enumerate(known) if number == 0 or known[number - 1][1].units != each.units
    ]
    return _Panel(
        name="units",
        title=text("operations.units_picture", language),
        svg=flows_svg(
            [Flow(text("operations.units", language), tuple(float(each.units or 0) for each in view.plan))],
            [],
            _ticks(view, 4),
            label=text("operations.units_label", language),
            width=_SMALL[0],
            height=_SMALL[1],
            now=_now(view),
        ),
        legend=(("flow-0", text("operations.units", language)),),
        columns=(text("operations.time", language), text("operations.units", language)),
        rows=tuple((_clock(first + at * view.step, view.step), count_text(each.units or 0)) for at, each in changes),
    )


def _money(view: OperationsView) -> _Panel:
    language = view.language
    per_s = tuple((step.paid_minor or 0) / 100 / (view.step / SECOND) for step in view.steps)
    name = text("operations.money_rate", language)
    return _Panel(
        name="money",
        title=text("operations.money_picture", language),
        svg=flows_svg(
            [Flow(name, per_s)],
            [Stroke("", "plan", (None,) * len(view.plan))],
            _ticks(view, 4),
            label=text("operations.money_label", language),
            width=_SMALL[0],
            height=_SMALL[1],
        ),
        legend=(("flow-0", name),),
        columns=(text("operations.time", language), text("operations.paid", language)),
        rows=tuple(
            (
                _clock(step.at, view.step),
                "–" if step.paid_minor is None else amount_text(step.paid_minor, "CNY"),
            )
            for step in _rows(view.steps)
        ),
    )
