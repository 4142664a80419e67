"""`chuanliu capacity`: the calendar of events and what a trace would have cost. Needs no platform and no database."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from datetime import datetime
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from chuanliu.calendars import events_of_file, overlaps_of, text_of_file, write_icalendar
from chuanliu.capacity import (
    LAG,
    UNIT_RATE,
    Evaluation,
    Plan,
    Terms,
    evaluate,
    load_of,
    make_plan,
    promises_of,
    read_jobs,
    read_scenario,
    read_trace,
    trace_rows,
    why,
    work_of,
)
from chuanliu.cli.shared_options import parameters_of, with_parameters
from chuanliu.clock import HOUR, MINUTE, SECOND, Micros, from_datetime, iso_text
from chuanliu.elastic import SLOT, SLOTS
from chuanliu.errors import Invalid

app = typer.Typer(no_args_is_help=True, help="Plan capacity from a calendar of events, and hold plans against traces.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Calendar = Annotated[Path, typer.Option("--calendar", help="Events as YAML or .ics; see docs/capacity.md.")]


UnitRate = Annotated[float, typer.Option("--unit-rate", min=1e-6, help="Requests a second that a unit serves.")]
UnitsMax = Annotated[int, typer.Option("--units-max", min=1, help="The most units that there can be.")]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A plan in slots of five minutes from `start` on, and what it was made with."""

    start: Micros
    plan: Plan
    terms: Terms


Jobs = Annotated[Path | None, typer.Option("--jobs", help="Offline jobs with deadlines as YAML; see docs/capacity.md.")]
PlanLag = Annotated[
    float, typer.Option("--lag-s", min=0, max=86_400, help="Seconds from asking for a unit to its start.")
]
Running = Annotated[
    int | None, typer.Option("--running", min=0, help="Units there now; until the lag is over no more.")
]
RunMin = Annotated[float, typer.Option("--run-minutes-min", min=0, help="The least time that an elastic unit runs.")]


def _planned(
    calendar: Calendar,
    jobs: Jobs = None,
    unit_rate: UnitRate = UNIT_RATE,
    units_max: UnitsMax = 10_000,
    lag_s: PlanLag = LAG / SECOND,
    running: Running = None,
    run_minutes_min: RunMin = 0.0,
) -> Planned:
    events = events_of_file(calendar)
    if not events:
        raise Invalid("invalid_parameter", "the calendar has no events", field="calendar")
    work = [] if jobs is None else read_jobs(text_of_file(jobs))
    start = min(event.start for event in events) // HOUR * HOUR
    terms = Terms(
        unit_rate=unit_rate,
        units_max=units_max,
        run_slots_min=max(-(-round(run_minutes_min * MINUTE) // SLOT), 1),
        lag_slots=0 if running is None else -(-round(lag_s * SECOND) // SLOT),
        running=running or 0,
    )
    plan = make_plan(*promises_of(events, start, SLOT, SLOTS), terms, work_of(work, start, SLOT, SLOTS))
    return Planned(start=start, plan=plan, terms=terms)


def on_plan(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make an action on a plan a command: the options of planning stand behind its own."""

    def register(action: Callable[..., None]) -> Callable[..., None]:
        own = parameters_of(action)
        planning = parameters_of(_planned)

        def carry_out(**given: Any) -> None:
            found = _planned(**{each.name: given[each.name] for each in planning})
            action(found, **{each.name: given[each.name] for each in own})

        parameters = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in (*own, *planning)]
        return app.command(name)(with_parameters(carry_out, parameters, action.__doc__ or ""))

    return register


@on_plan("plan")
def plan_day(found: Planned, /, *, as_json: Json = False) -> None:
    """Units, shares and offline windows for 24 hours in slots of 5 minutes, from the hour of the first event."""
    plan = found.plan
    slots = [
        {
            "time": iso_text(found.start + slot * SLOT),
            "units": plan.units(slot),
            "guaranteed_per_s": dict(zip(plan.tenants, plan.guaranteed[:, slot].tolist(), strict=True)),
            "burst_per_s": dict(zip(plan.tenants, plan.burst[:, slot].tolist(), strict=True)),
            "offline_units": dict(zip(plan.jobs, plan.offline[:, slot].round(6).tolist(), strict=True)),
        }
        for slot in range(SLOTS)
    ]
    if as_json:
        typer.echo(msgspec.json.encode({"base_units": plan.base_units, "slots": slots}))
        return
    for one in slots:
        typer.echo(f"{one['time']}  {one['units']} units")


@on_plan("why")
def explain(
    found: Planned,
    /,
    *,
    tenant: Annotated[str, typer.Argument()],
    moment: Annotated[str, typer.Argument(metavar="TIME", help="ISO 8601 with an offset.")],
    as_json: Json = False,
) -> None:
    """Why a tenant has what it has in the plan at a time."""
    try:
        slot = (from_datetime(datetime.fromisoformat(moment)) - found.start) // SLOT
    except ValueError:
        raise Invalid("invalid_parameter", "the time must be ISO 8601 with an offset", field="time") from None
    if tenant not in found.plan.tenants:
        raise Invalid("invalid_parameter", "the calendar has no event of this tenant", field="tenant")
    if not 0 <= slot < SLOTS:
        raise Invalid("invalid_parameter", f"the plan is for 24 hours from {iso_text(found.start)}", field="time")
    sentences = why(found.plan, found.terms, tenant, slot)
    typer.echo(msgspec.json.encode({"why": sentences}) if as_json else "\n".join(sentences))


@app.command("evaluate")
def evaluate_trace(
    trace: Annotated[Path, typer.Option("--trace", help="CSV with time (ISO 8601), tenant, requests_per_s.")],
    calendar: Annotated[
        Path | None, typer.Option("--calendar", help="Events as YAML or .ics; see docs/capacity.md.")
    ] = None,
    lag_s: Annotated[float, typer.Option("--lag-s", help="Seconds from asking for a unit to its start.")] = LAG
    / SECOND,
    unit_rate: Annotated[float, typer.Option("--unit-rate", help="Requests a second that a unit serves.")] = UNIT_RATE,
    as_json: Json = False,
) -> None:
    """Replay a trace: all units all the time, a reactive scaler, the plan, and an oracle that knows the future."""
    if not 0 <= lag_s <= 86_400:
        raise Invalid("invalid_parameter", "the lag must be 0 to 86400 s", field="lag_s")
    events = [] if calendar is None else events_of_file(calendar)
    found = evaluate(read_trace(text_of_file(trace)), events, lag=round(lag_s * SECOND), unit_rate=unit_rate)
    _show_evaluation(found, as_json)


@app.command("scenario")
def replay_scenario(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Such as scenarios/double-eleven.yaml.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Chance: another seed, another evening.")] = 0,
    trace_to: Annotated[Path | None, typer.Option("--write-trace", help="Also write the load as CSV.")] = None,
    as_json: Json = False,
) -> None:
    """Generate the load of a scenario, and replay it under all policies with what its tenants declare."""
    scenario = read_scenario(text_of_file(path))
    load = load_of(scenario, seed)
    if trace_to is not None:
        try:
            with trace_to.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(trace_rows(load))
        except OSError as error:
            raise Invalid("invalid_parameter", f"{trace_to} cannot be written: {error.strerror}") from None
    _show_evaluation(evaluate(load, scenario.events, lag=scenario.lag, unit_rate=scenario.unit_rate), as_json)


def _show_evaluation(found: Evaluation, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(found))
        return
    table = Table("policy", "unit-minutes", "over capacity", "worst tenant", "its share")
    for name in ("static", "reactive", "plan", "oracle"):
        one = getattr(found, name)
        table.add_row(
            name,
            f"{one.unit_minutes:,.0f}",
            f"{one.over_share:.4%}",
            one.worst_tenant,
            f"{one.worst_tenant_over_share:.4%}",
        )
    Console().print(table)


@app.command("conflicts")
def show_conflicts(calendar: Calendar, as_json: Json = False) -> None:
    """Events that fall together, with the sums of their peaks; a conflict is a tenant that promises twice at once."""
    found = overlaps_of(events_of_file(calendar))
    if as_json:
        typer.echo(msgspec.json.encode({"overlaps": found}))
        return
    for one in found:
        kind = "conflict" if one.is_conflict else "overlap"
        typer.echo(
            f"{one.start} to {one.end}  {kind}: {', '.join(one.names)}  "
            f"({one.sum_p50_per_s:g} to {one.sum_p99_per_s:g} requests/s)"
        )


@app.command("export")
def export_calendar(calendar: Calendar) -> None:
    """The calendar as iCalendar, on standard output."""
    typer.echo(write_icalendar(events_of_file(calendar), time.time_ns() // 1000), nl=False)
