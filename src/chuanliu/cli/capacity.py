"""`chuanliu capacity`: the calendar of events and what a trace would have cost. Needs no platform and no database."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from chuanliu.capacity import (
    LAG,
    UNIT_RATE,
    Evaluation,
    Event,
    Plan,
    Terms,
    evaluate,
    load_of,
    make_plan,
    overlaps_of,
    promises_of,
    read_calendar,
    read_scenario,
    read_trace,
    trace_rows,
    why,
)
from chuanliu.clock import HOUR, MINUTE, SECOND, Micros, from_datetime, iso_text
from chuanliu.errors import Invalid

app = typer.Typer(no_args_is_help=True, help="Plan capacity from a calendar of events, and hold plans against traces.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Calendar = Annotated[Path, typer.Option("--calendar", help="Events as YAML; see docs/capacity.md.")]


UnitRate = Annotated[float, typer.Option("--unit-rate", min=1e-6, help="Requests a second that a unit serves.")]
UnitsMax = Annotated[int, typer.Option("--units-max", min=1, help="The most units that there can be.")]

SLOT: Final = 5 * MINUTE
SLOTS: Final = 288


@app.command("plan")
def plan_day(
    calendar: Calendar, unit_rate: UnitRate = UNIT_RATE, units_max: UnitsMax = 10_000, as_json: Json = False
) -> None:
    """Units and shares for 24 hours in slots of 5 minutes, from the hour of the calendar's first event."""
    start, plan, _ = _planned(calendar, unit_rate, units_max)
    slots = [
        {
            "time": iso_text(start + slot * SLOT),
            "units": plan.base_units + elastic,
            "guaranteed_per_s": dict(zip(plan.tenants, plan.guaranteed[:, slot].tolist(), strict=True)),
            "burst_per_s": dict(zip(plan.tenants, plan.burst[:, slot].tolist(), strict=True)),
        }
        for slot, elastic in enumerate(plan.elastic_units)
    ]
    if as_json:
        typer.echo(msgspec.json.encode({"base_units": plan.base_units, "slots": slots}))
        return
    for one in slots:
        typer.echo(f"{one['time']}  {one['units']} units")


@app.command("why")
def explain(
    tenant: str,
    time: Annotated[str, typer.Argument(help="ISO 8601 with an offset.")],
    calendar: Calendar,
    unit_rate: UnitRate = UNIT_RATE,
    units_max: UnitsMax = 10_000,
    as_json: Json = False,
) -> None:
    """Why a tenant has what it has in the plan at a time."""
    start, plan, terms = _planned(calendar, unit_rate, units_max)
    try:
        slot = (from_datetime(datetime.fromisoformat(time)) - start) // SLOT
    except ValueError:
        raise Invalid("invalid_parameter", "the time must be ISO 8601 with an offset", field="time") from None
    if tenant not in plan.tenants:
        raise Invalid("invalid_parameter", "the calendar has no event of this tenant", field="tenant")
    if not 0 <= slot < SLOTS:
        raise Invalid("invalid_parameter", f"the plan is for 24 hours from {iso_text(start)}", field="time")
    sentences = why(plan, terms, tenant, slot)
    typer.echo(msgspec.json.encode({"why": sentences}) if as_json else "\n".join(sentences))


def _planned(calendar: Path, unit_rate: float, units_max: int) -> tuple[Micros, Plan, Terms]:
    events = _events(calendar)
    if not events:
        raise Invalid("invalid_parameter", "the calendar has no events", field="calendar")
    start = min(event.start for event in events) // HOUR * HOUR
    terms = Terms(unit_rate=unit_rate, units_max=units_max)
    return start, make_plan(*promises_of(events, start, SLOT, SLOTS), terms), terms


@app.command("evaluate")
def evaluate_trace(
    trace: Annotated[Path, typer.Option("--trace", help="CSV with time (ISO 8601), tenant, requests_per_s.")],
    calendar: Annotated[Path | None, typer.Option("--calendar", help="Events as YAML; see docs/capacity.md.")] = None,
    lag_s: Annotated[float, typer.Option("--lag-s", help="Seconds from asking for a unit to its start.")] = LAG
    / SECOND,
    unit_rate: Annotated[float, typer.Option("--unit-rate", help="Requests a second that a unit serves.")] = UNIT_RATE,
    as_json: Json = False,
) -> None:
    """Replay a trace: all units all the time, a reactive scaler, the plan, and an oracle that knows the future."""
    if not 0 <= lag_s <= 86_400:
        raise Invalid("invalid_parameter", "the lag must be 0 to 86400 s", field="lag_s")
    events = [] if calendar is None else _events(calendar)
    found = evaluate(read_trace(_text(trace)), events, lag=round(lag_s * SECOND), unit_rate=unit_rate)
    _show_evaluation(found, as_json)


@app.command("scenario")
def replay_scenario(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Such as scenarios/double-eleven.yaml.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Chance: another seed, another evening.")] = 0,
    trace_to: Annotated[Path | None, typer.Option("--write-trace", help="Also write the load as CSV.")] = None,
    as_json: Json = False,
) -> None:
    """Generate the load of a scenario, and replay it under all policies with what its tenants declare."""
    scenario = read_scenario(_text(path))
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
    found = overlaps_of(_events(calendar))
    if as_json:
        typer.echo(msgspec.json.encode({"overlaps": found}))
        return
    for one in found:
        kind = "conflict" if one.is_conflict else "overlap"
        typer.echo(
            f"{one.start} to {one.end}  {kind}: {', '.join(one.names)}  "
            f"({one.sum_p50_per_s:g} to {one.sum_p99_per_s:g} requests/s)"
        )


def _events(path: Path) -> list[Event]:
    return read_calendar(_text(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Invalid("invalid_parameter", f"{path} cannot be read: {reason}") from None
