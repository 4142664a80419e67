"""`chuanliu up`: start everything on this machine and keep it running."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chuanliu.calendars import events_of_file
from chuanliu.cli.settings_of_command import settings_from
from chuanliu.runtime import (
    BOARD_FILE,
    DOOR_VARIABLE,
    CannotStart,
    ChildSpec,
    EmbeddedPostgres,
    Settings,
    Supervisor,
    configure_log,
    ensure_database,
    migrate,
)
from chuanliu.serving import Board, Door, Figure, PlaceState

if TYPE_CHECKING:
    from chuanliu.gateway.start import Roster

PortOption = Annotated[int | None, typer.Option(help="Port of the gateway.  [default: 8080]")]
HostOption = Annotated[str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]")]
DataOption = Annotated[Path | None, typer.Option(help="Folder for data, logs and keys.")]
DatabaseOption = Annotated[str | None, typer.Option(help="PostgreSQL 15–18 to use instead of the embedded one.")]
WorkersOption = Annotated[int | None, typer.Option(help="Gateway processes.  [default: 2]")]
UnitsMaxOption = Annotated[
    int | None, typer.Option(help="Let gateway processes come and go: at most so many, at least --workers.")
]
CalendarOption = Annotated[Path | None, typer.Option(help="With --units-max: events, so that units come before them.")]
UnitRateOption = Annotated[int | None, typer.Option(help="Requests a second that a unit serves.  [default: 100]")]
SandboxOption = Annotated[bool | None, typer.Option("--sandbox", help="Play money: consumers made from nothing.")]

OFFICIAL_PYTHON_HOST = "127.0.0.77"
"""The sandbox's second address: the official Python SDK connects to port 80 or 443, whatever its URL says."""
OFFICIAL_PYTHON_PORT = 80
_NO_SECOND = ("--no-second", "units that come and go serve the gateway's own address only")
_PORTS_END = 32_768
"""From here on ports are given to connections that go out."""


def run_platform(
    settings: Settings, *, traffic: bool = False, on_ready: Callable[[Settings, Roster | None], None]
) -> None:
    """Start database, worker and gateways, and return after the ordered stop that Ctrl-C or SIGTERM asks for.

    Raises `CannotStart` when something does not come up.
    """
    configure_log("error")
    facts: dict[str, object] = {"url": settings.url, "port": settings.port, "sandbox": settings.sandbox}
    with contextlib.ExitStack() as stack:
        supervisor = stack.enter_context(Supervisor(settings.data, report=_report, facts=facts))
        _require_free(settings.host, settings.port)
        url = settings.database_url
        if url is None:
            postgres = EmbeddedPostgres(settings.data)
            if not supervisor.start(postgres.child_spec()):
                return
            url = postgres.url()
        ensure_database(url)
        migrate(url)
        facts["database_url"] = url
        running = replace(settings, database_url=url)
        roster = None
        if settings.sandbox:
            running = replace(running, banks_port=_free_ports(settings.banks_port))
            roster = _seed(running)
            banks, control = _banks(running)
            facts["banks_control_url"] = control
            if not supervisor.start(banks):
                return
        second, refusal = _second_address() if settings.sandbox else ("", "")
        facts["second_url"] = second
        door = _door(running, stack, supervisor)
        workers, gateways = _specs(running, door, second, refusal)
        if not (supervisor.start(*workers) and supervisor.start(*gateways)):
            return
        on_tick = _stretching(running, supervisor, door, facts) if running.units_max > running.workers else None
        if traffic and not supervisor.start(_child(running, "traffic", "chuanliu.sandbox.traffic_client")):
            return
        on_ready(running, roster)
        supervisor.run(on_tick or (lambda: None))


def up(
    port: PortOption = None,
    host: HostOption = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    workers: WorkersOption = None,
    sandbox: SandboxOption = None,
    units_max: UnitsMaxOption = None,
    calendar: CalendarOption = None,
    unit_rate: UnitRateOption = None,
) -> None:
    """Start the platform: database, worker, gateways. Ctrl-C stops all that it started."""
    settings = settings_from(
        port=port,
        host=host,
        data=data,
        database_url=database_url,
        workers=workers,
        sandbox=sandbox,
        units_max=units_max,
        calendar=calendar,
        unit_rate=unit_rate,
    )
    run_platform(settings, on_ready=lambda running, _roster: _report(f"Ready: {running.url}"))


def _seed(settings: Settings) -> Roster:
    # Imported here: it brings the pages and the engine with it, which other commands do without.
    from chuanliu.sandbox import seed_sandbox  # noqa: PLC0415

    return asyncio.run(seed_sandbox(settings))


def _banks(settings: Settings) -> tuple[ChildSpec, str]:
    """The process that simulates the sandbox's banks, and where it is told what they are to do wrong."""
    from chuanliu.sandbox import PORTS_COUNT, journal_file, listing_file  # noqa: PLC0415

    control = settings.banks_port + PORTS_COUNT
    arguments = [
        *("--banks", str(listing_file(settings.data))),
        *("--journal", str(journal_file(settings.data))),
        *("--control-port", str(control)),
    ]
    spec = ChildSpec(
        "banks",
        [sys.executable, "-m", "chuanliu.cli", "bank-simulator", *arguments],
        env=settings.to_environment(),
        ready=lambda: bool(_bind_refusal("127.0.0.1", control)),
    )
    return spec, f"http://127.0.0.1:{control}"


def _free_ports(first: int) -> int:
    """The first port of a row that the sandbox's banks can listen on: the one asked for, or a later one.

    Raises `CannotStart` when there is no such row nearby.
    """
    from chuanliu.sandbox import PORTS_COUNT  # noqa: PLC0415

    for base in range(first, first + 40 * (PORTS_COUNT + 1), PORTS_COUNT + 1):
        if base + PORTS_COUNT < _PORTS_END and not any(
            _bind_refusal("127.0.0.1", port) for port in range(base, base + PORTS_COUNT + 1)
        ):
            return base
    raise CannotStart(f"no {PORTS_COUNT + 1} free ports from {first} on for the sandbox's banks")


def _child(settings: Settings, name: str, module: str, *arguments: str) -> ChildSpec:
    return ChildSpec(name, [sys.executable, "-m", module, *arguments], env=settings.to_environment())


def _door(settings: Settings, stack: contextlib.ExitStack, supervisor: Supervisor) -> Door:
    """The door that all gateways share. It is shut when the ordered stop begins, so that nobody waits before it."""
    try:
        door = Door.make(settings.host, settings.port, Board.create(settings.data / BOARD_FILE))
    except OSError as error:
        raise CannotStart(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None
    stack.callback(door.close)
    supervisor.on_stopping = door.shut
    return door


def _gateway(settings: Settings, door: Door, number: int, *arguments: str) -> ChildSpec:
    """Gateway N at the place N - 1 of the board; ready once it takes connections."""
    place, board = number - 1, door.board
    spec = _child(settings, f"gateway-{number}", "chuanliu.runtime.gateway_server", *arguments)
    return replace(
        spec,
        env={**spec.env, DOOR_VARIABLE: door.ticket(place)},
        descriptors=door.descriptors,
        prepare=lambda: board.enter(place, PlaceState.STARTING),
        ready=lambda: board.place(place).state is PlaceState.OPEN,
    )


def _stretching(
    settings: Settings, supervisor: Supervisor, door: Door, facts: dict[str, object]
) -> Callable[[], None] | None:
    """Start the planner; what it decides is carried out by the function that this returns."""
    # Imported here: it brings the planning with it, which most installations do without.
    from chuanliu.elastic import LocalUnits, Stretch  # noqa: PLC0415

    if settings.calendar is not None:
        events_of_file(settings.calendar)
    board = door.board
    board[Figure.WANTED] = settings.workers
    planner = _child(settings, "planner", "chuanliu.elastic.planner_server", "--board", str(board.path))
    if not supervisor.start(planner):
        return None
    base, most = settings.workers, settings.units_max
    units = LocalUnits(
        supervisor, board, lambda number: _gateway(settings, door, number, *_NO_SECOND), base=base, most=most
    )
    stretch = Stretch(units, board, base=base, on_change=lambda: _note_units(supervisor, facts, stretch.facts))
    return stretch.tick


def _note_units(supervisor: Supervisor, facts: dict[str, object], units: dict[str, object]) -> None:
    facts.update(units)
    supervisor.write_facts()


def _specs(settings: Settings, door: Door, second: str, refusal: str) -> tuple[list[ChildSpec], list[ChildSpec]]:
    arguments = ["--second", second] if second else ["--no-second", refusal]
    gateways = [_gateway(settings, door, number, *arguments) for number in range(1, settings.workers + 1)]
    background = [_child(settings, name, f"chuanliu.runtime.{name}_server") for name in ("worker", "offline")]
    return background, gateways


def _require_free(host: str, port: int) -> None:
    """Gateways share their port among themselves, so two platforms would share it too: find that out here."""
    refusal = _bind_refusal(host, port)
    if refusal:
        raise CannotStart(f"cannot listen on {host}:{port}: {refusal}; choose another port with --port")


def _bind_refusal(host: str, port: int) -> str:
    """Why an address cannot be bound by this process alone; empty where it can."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _second_address() -> tuple[str, str]:
    """The URL of the sandbox's second address, or an empty one and why."""
    refusal = _bind_refusal(OFFICIAL_PYTHON_HOST, OFFICIAL_PYTHON_PORT)
    return ("", refusal) if refusal else (f"http://{OFFICIAL_PYTHON_HOST}", "")


def _report(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {line}\n")
    sys.stdout.flush()
