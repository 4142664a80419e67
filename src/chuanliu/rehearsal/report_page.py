"""A rehearsal's report as one HTML file: the verdict, pictures with the tables behind them, tenants, books."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chuanliu.money import format_amount
from chuanliu.rehearsal.report import Report, SecondResult
from chuanliu.web import Flow, Listing, Picture, Sheet, Stroke, Tick, flows_svg, render_sheet, stride, thinned

_ROWS_MAX: Final = 180
_TICKS: Final = 8
_VERDICTS: Final = {"passed": "Passed", "failed": "Failed", "stopped": "Stopped"}


def render_report(report: Report) -> str:
    """The report for people."""
    timeline = report.timeline
    pictures = [_river(report, timeline), _latency(timeline), _units(timeline)]
    if any(one.real is not None and one.real.offered for one in timeline):
        pictures.append(_real(timeline))
    return render_sheet(
        Sheet(
            title=f"Rehearsal of {report.scenario}",
            lead=(
                f"{report.scenario_from} to {report.scenario_until}, {report.compress:g} times as fast, at a scale of "
                f"{report.scale:g}; run from {report.started} for {report.seconds:,.0f} s. Rates are of the run."
            ),
            verdict=_VERDICTS[report.status],
            is_good=report.status == "passed",
            figures=_figures(report),
            remarks=tuple(f"{one.time or 'the whole run'}: {one.text}" for one in report.findings),
            pictures=pictures,
            listings=[_tenants(report), _offline(report), _books(report)],
        )
    )


def _figures(report: Report) -> tuple[tuple[str, str], ...]:
    kept = 1 - report.lost / report.within_promise if report.within_promise else 1.0
    paid = format_amount(report.books.stored_minor, "CNY")
    return (
        ("requests offered", f"{report.offered:,}"),
        ("answered", f"{report.answered:,}"),
        ("turned away", f"{report.turned_away:,}"),
        ("failed", f"{report.failed:,}"),
        ("of promises kept", f"{kept:.3%}"),
        ("half of the answers within", _ms(report.p50_ms)),
        ("99 of 100 within", _ms(report.p99_ms)),
        ("most units", f"{report.units_max:,}"),
        ("unit-minutes planned", f"{report.unit_minutes:,.0f}"),
        ("cost (unit slots)", f"{report.cost:,.0f}"),
        ("cost units", f"{report.cost_units:,}"),
        ("CNY paid in shadow", paid),
        ("audit", "clean" if report.audit_clean else "NOT clean"),
    )


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def _clock(one: SecondResult) -> str:
    return one.time[11:16]


def _ticks(timeline: Sequence[SecondResult], every: int) -> list[Tick]:
    """Marks at some steps of a picture whose steps are `every` seconds."""
    step = max(1, len(timeline) // _TICKS)
    return [Tick(at / every, _clock(timeline[at])) for at in range(0, len(timeline) - step // 2, step)]


def _river(report: Report, timeline: Sequence[SecondResult]) -> Picture:
    every = stride(len(timeline))
    totals: dict[str, int] = {}
    for tenant in report.tenants:
        totals[tenant.group] = totals.get(tenant.group, 0) + tenant.answered
    groups = sorted(totals, key=lambda group: -totals[group])
    flows = [Flow(group, thinned([one.by_group.get(group, 0) for one in timeline])) for group in groups]
    strokes = [
        Stroke("offered", "offered", thinned([one.offered for one in timeline])),
        Stroke("promised", "plan", thinned([one.promised_per_s for one in timeline])),
        Stroke("planned capacity", "capacity", thinned([one.capacity_per_s for one in timeline])),
    ]
    label = "Answered requests a second by group of tenants, with what was offered, promised and planned"
    return Picture(
        title="The river: answered requests a second",
        svg=flows_svg(flows, strokes, _ticks(timeline, every), label=label),
        legend=(
            *((f"flow-{min(at, 9)}", group) for at, group in enumerate(groups)),
            ("offered", "offered"),
            ("plan", "promised"),
            ("capacity", "planned capacity"),
        ),
        columns=("time (UTC)", "offered", "answered", "turned away", "promised", "capacity", *groups),
        rows=tuple(
            (
                one.time[11:19],
                f"{one.offered:,}",
                f"{one.answered:,}",
                f"{one.turned_away:,}",
                f"{one.promised_per_s:,.1f}",
                f"{one.capacity_per_s:,.1f}",
                *(f"{one.by_group.get(group, 0):,}" for group in groups),
            )
            for one in _rows(timeline)
        ),
        note="Times are the scenario's, in UTC. " + _thinned_note(timeline),
    )


def _latency(timeline: Sequence[SecondResult]) -> Picture:
    values = [one.p99_ms for one in timeline]
    every = stride(len(timeline))
    worst = [
        max((each for each in values[at : at + every] if each is not None), default=None)
        for at in range(0, len(values), every)
    ]
    return Picture(
        title="Latency: 99 of 100 answers, in ms",
        svg=flows_svg(
            [],
            [Stroke("p99", "latency", tuple(worst))],
            _ticks(timeline, every),
            label="The 99th percentile of latency by second, in milliseconds",
            height=260,
        ),
        legend=(("latency", "p99 from when a request was due, the worst second of each step"),),
        columns=("time (UTC)", "p99"),
        rows=tuple((one.time[11:19], _ms(one.p99_ms)) for one in _rows(timeline)),
    )


def _units(timeline: Sequence[SecondResult]) -> Picture:
    every = stride(len(timeline))
    return Picture(
        title="Units of the plan",
        svg=flows_svg(
            [Flow("units", thinned([float(one.units) for one in timeline]))],
            [],
            _ticks(timeline, every),
            label="Units of the plan by time",
            height=220,
        ),
        legend=(("flow-0", "units, base and elastic"),),
        columns=("time (UTC)", "units"),
        rows=tuple((one.time[11:19], f"{one.units:,}") for one in _rows(timeline)),
    )


def _real(timeline: Sequence[SecondResult]) -> Picture:
    every = stride(len(timeline))
    offered = [float(one.real.offered) if one.real is not None else 0.0 for one in timeline]
    latency = [one.real.p95_s * 1000 if one.real is not None and one.real.p95_s else 0.0 for one in timeline]
    return Picture(
        title="Real tenants meanwhile",
        svg=flows_svg(
            [Flow("requests", thinned(offered))],
            [Stroke("p95 in ms", "real", thinned(latency))],
            _ticks(timeline, every),
            label="Requests a second of real tenants and the 95th percentile of their latency",
            height=220,
        ),
        legend=(("flow-0", "real requests a second"), ("real", "their p95 in ms")),
        columns=("time (UTC)", "offered", "turned away", "p95"),
        rows=tuple(
            (
                one.time[11:19],
                f"{one.real.offered:,}" if one.real is not None else "–",
                f"{one.real.rejected:,}" if one.real is not None else "–",
                _ms(one.real.p95_s * 1000 if one.real is not None and one.real.p95_s is not None else None),
            )
            for one in _rows(timeline)
        ),
    )


def _rows(timeline: Sequence[SecondResult]) -> Sequence[SecondResult]:
    return timeline[:: max(1, -(-len(timeline) // _ROWS_MAX))]


def _thinned_note(timeline: Sequence[SecondResult]) -> str:
    every = max(1, -(-len(timeline) // _ROWS_MAX))
    return "" if every == 1 else f"The table has every {every}th second; all are in the JSON report."


def _tenants(report: Report) -> Listing:
    rows = sorted(report.tenants, key=lambda one: (one.admitted_share, -one.offered))
    return Listing(
        title="Tenants",
        columns=(
            "tenant",
            "offered",
            "answered",
            "let in",
            "over share",
            "overloaded",
            "declined",
            "failed",
            "within promise",
            "of it lost",
            "guarantee/s",
            "cap/s",
            "p50",
            "p99",
            "cost units",
        ),
        rows=tuple(
            (
                one.tenant,
                f"{one.offered:,}",
                f"{one.answered:,}",
                f"{one.admitted_share:.1%}",
                f"{one.over_share:,}",
                f"{one.overloaded:,}",
                f"{one.declined:,}",
                f"{one.failed + one.unsent:,}",
                f"{one.within_promise:,}",
                f"{one.lost:,}",
                f"{one.guarantee_max_per_s:g}",
                f"{one.cap_max_per_s:g}",
                _ms(one.p50_ms),
                _ms(one.p99_ms),
                f"{one.cost_units:,}",
            )
            for one in rows
        ),
        note="Who was let in least comes first. A tenant that asks for more than it declared is held at its cap.",
    )


def _offline(report: Report) -> Listing:
    return Listing(
        title="Offline work during the run",
        columns=("job", "done", "time at work"),
        rows=tuple((one.name, f"{one.done:,}", _ms(one.worked_ms)) for one in report.offline),
    )


def _books(report: Report) -> Listing:
    told, books = report.books.acknowledged, report.books
    return Listing(
        title="Books",
        columns=("what", "acknowledged", "unknown", "stored"),
        rows=(
            ("payments", f"{told.payments:,}", f"{told.unknown:,}", f"{books.stored_payments:,}"),
            (
                "CNY paid",
                format_amount(told.payments_minor, "CNY"),
                format_amount(told.unknown_minor, "CNY"),
                format_amount(books.stored_minor, "CNY"),
            ),
            ("by card in instalments", f"{told.by_card:,}", "–", "–"),
            ("refunds", f"{told.refunds:,}", f"{told.refunds_unknown:,}", f"{books.stored_refunds:,}"),
            ("postings of the shadow", "–", "–", f"{books.postings:,}"),
            ("of them with a real account", "–", "–", f"{books.joined:,}"),
        ),
    )
