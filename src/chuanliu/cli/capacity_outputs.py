"""`chuanliu capacity serve | manifests | forecast`: the plan for other programs, and how good forecasts are."""

from __future__ import annotations

import math
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
import yaml
from rich.console import Console
from rich.table import Table

from chuanliu.calendars import EventFeed, events_of_file, text_of_file
from chuanliu.capacity import (
    LAG,
    UNIT_RATE,
    Forecast,
    forecast,
    manifests,
    read_trace,
)
from chuanliu.cli.capacity import Calendar, Json, UnitRate, UnitsMax, app
from chuanliu.clock import SECOND
from chuanliu.elastic import PlanFeed
from chuanliu.errors import Invalid

_PATH: Final = "/v1/units"


class _Handler(BaseHTTPRequestHandler):
    feed: PlanFeed

    def do_GET(self) -> None:
        wanted = self.feed.wanted(time.time_ns() // 1000) if self.path == _PATH else None
        if self.path != _PATH:
            status, body = 404, b"{}"
        elif wanted is None:
            status, body = 503, msgspec.json.encode({"problem": self.feed.problem})
        else:
            status, body = 200, msgspec.json.encode(wanted)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Polls are not worth a line; problems are in the answers."""


def plan_server(feed: PlanFeed, host: str, port: int) -> ThreadingHTTPServer:
    """A server that answers GET /v1/units; port 0 takes a free one."""
    return ThreadingHTTPServer((host, port), type("Handler", (_Handler,), {"feed": feed}))


@app.command("serve")
def serve_plan(
    calendar: Calendar,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535)] = 9700,
    unit_rate: UnitRate = UNIT_RATE,
    units_max: UnitsMax = 10_000,
    lag_s: Annotated[float, typer.Option("--lag-s", min=0, max=86_400)] = LAG / SECOND,
) -> None:
    """Answer GET /v1/units with the units wanted now: for a KEDA `metrics-api` trigger. Follows the calendar file."""
    feed = PlanFeed(EventFeed(calendar), unit_rate=unit_rate, units_max=units_max, lag=round(lag_s * SECOND))
    events_of_file(calendar)
    try:
        with plan_server(feed, host, port) as server:
            sys.stderr.write(f"http://{host}:{server.server_address[1]}{_PATH}\n")
            sys.stderr.flush()
            server.serve_forever()
    except KeyboardInterrupt:
        pass
    except OSError as error:
        raise Invalid("invalid_parameter", f"{host}:{port} cannot be listened on: {error.strerror}") from None


@app.command("manifests")
def write_manifests(
    image: Annotated[str, typer.Option("--image", help="The container image of the gateway.")],
    metrics_url: Annotated[
        str | None, typer.Option("--metrics-url", help="For KEDA: where it reaches `capacity serve`.")
    ] = None,
    name: Annotated[str, typer.Option("--name")] = "chuanliu-gateway",
    namespace: Annotated[str, typer.Option("--namespace")] = "chuanliu",
    units_min: Annotated[int, typer.Option("--units-min", help="Pods that are always there.")] = 1,
    units_max: Annotated[int, typer.Option("--units-max", help="The most pods.")] = 100,
    as_json: Json = False,
) -> None:
    """Kubernetes manifests, for `kubectl apply -f -`: gateway pods that KEDA scales by the plan, or without
    --metrics-url `chuanliu capacity scale`.
    """
    found = manifests(
        name=name, namespace=namespace, image=image, metrics_url=metrics_url, units_min=units_min, units_max=units_max
    )
    if as_json:
        typer.echo(msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": found}))
        return
    typer.echo(yaml.safe_dump_all(found, sort_keys=False), nl=False)


@app.command("forecast")
def forecast_trace(
    trace: Annotated[Path, typer.Option("--trace", help="CSV with time (ISO 8601), tenant, requests_per_s.")],
    calendar: Annotated[Path | None, typer.Option("--calendar", help="Events as YAML; see docs/capacity.md.")] = None,
    held_back: Annotated[float, typer.Option("--held-back", help="The last part of the trace, to test on.")] = 0.25,
    as_json: Json = False,
) -> None:
    """Forecast the last part of a trace from what was before it, and say how good that was."""
    if not (math.isfinite(held_back) and 0 < held_back < 1):
        raise Invalid("invalid_parameter", "the part held back must be between 0 and 1", field="held_back")
    history = read_trace(text_of_file(trace))
    events = [] if calendar is None else events_of_file(calendar)
    found = forecast(history, events, min(max(round(history.slots * (1 - held_back)), 1), history.slots - 1))
    if as_json:
        shown = {name: getattr(found, name) for name in ("days", "is_short", "events", "scores")}
        typer.echo(msgspec.json.encode(shown))
        return
    _show_forecast(found)


def _show_forecast(found: Forecast) -> None:
    table = Table("quantile", "pinball loss", "naive", "coverage")
    for one in found.scores:
        table.add_row(
            f"p{one.probability * 100:g}",
            f"{one.pinball_loss:.4g}",
            f"{one.naive_pinball_loss:.4g}",
            f"{one.coverage:.2%}",
        )
    console = Console()
    console.print(table)
    console.print(f"{found.days:g} days of history, {found.events.count} past events")
    if found.is_short:
        console.print("Too short for a season: the last hours stand for all times, with wider quantiles.")
