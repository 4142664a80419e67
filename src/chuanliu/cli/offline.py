"""`chuanliu offline list|pause|resume|run`: the offline jobs of a running installation."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import psycopg
import typer

from chuanliu.cli.installation import Data, DatabaseUrl, Json, installation
from chuanliu.clock import Micros, wall_text
from chuanliu.offline import JobState, Span, at_risk, expected_end, job_store

app = typer.Typer(no_args_is_help=True, help="Offline jobs: how far they are, pause, resume, run now.")

Name = Annotated[str, typer.Argument(help="The job, as `chuanliu offline list` names it.")]


@app.command("list")
def list_jobs(data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Show all jobs, the earliest deadline first; times in Asia/Shanghai."""
    with _connect(data, database_url) as connection:
        found, windows = job_store.states(connection), job_store.windows(connection)
    now = time.time_ns() // 1000
    if as_json:
        typer.echo(
            json.dumps({"jobs": [_row(state, now, windows.get(state.name, [])) for state in found]}, ensure_ascii=False)
        )
        return
    for state in found:
        typer.echo(_line(state, now) + _window_text(windows.get(state.name, []), now))


@app.command("pause")
def pause(name: Name, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Stop a job behind its chunk under way, and begin no run of it until it is resumed."""
    _ask(name, "pause", data, database_url)


@app.command("resume")
def resume(name: Name, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Let a paused job go on where it was."""
    _ask(name, "resume", data, database_url)


@app.command("run")
def run_now(name: Name, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Make a job due now."""
    _ask(name, "run", data, database_url)


def _ask(name: str, what: str, data: Any, database_url: str | None) -> None:
    with _connect(data, database_url) as connection:
        typer.echo(_line(job_store.ask(connection, name, what), time.time_ns() // 1000))


def _connect(data: Any, database_url: str | None) -> psycopg.Connection[Any]:
    url = installation(data, database_url).database_url or ""
    return psycopg.connect(url, autocommit=True, application_name="chuanliu cli")


def _row(state: JobState, now: Micros, windows: list[Span]) -> dict[str, Any]:
    return {
        "name": state.name,
        "status": _status(state),
        "done": state.done,
        "total": state.total,
        "due_at": wall_text(state.due_at),
        "finish_by": wall_text(state.finish_by),
        "expected_end": _wall(expected_end(state, now) if state.status == "running" else None),
        "at_risk": at_risk(state, now),
        "started_at": _wall(state.started_at),
        "finished_at": _wall(state.finished_at),
        "worked_ms": state.worked_us // 1000,
        "problem": state.problem,
        "windows": [{"from": wall_text(one.begin), "until": wall_text(one.end)} for one in windows],
    }


def _window_text(windows: list[Span], now: Micros) -> str:
    if not windows:
        return ""
    first = windows[0]
    return f"  window until {wall_text(first.end)}" if first.begin <= now else f"  window at {wall_text(first.begin)}"


def _status(state: JobState) -> str:
    return "paused" if state.paused else state.status


def _wall(at: Micros | None) -> str | None:
    return None if at is None else wall_text(at)


def _line(state: JobState, now: Micros) -> str:
    share = f"{100 * state.done // state.total:>4d} %" if state.total else f"{'':>6}"
    when = f"due {wall_text(state.due_at)}, to be done by {wall_text(state.finish_by)}"
    risk = "  AT RISK" if at_risk(state, now) else ""
    problem = f"  {state.problem}" if state.problem else ""
    return f"{state.name:<16}{_status(state):<10}{share}  {when}{risk}{problem}"
