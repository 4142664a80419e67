"""`chuanliu rehearse`: drive a scenario through the running installation, in shadow, and say whether it holds."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
import structlog
import typer
from rich.console import Console
from rich.table import Table

from chuanliu.bench import PlatformFailed, PlatformProcess, free_port
from chuanliu.calendars import text_of_file
from chuanliu.capacity import Scenario, read_scenario
from chuanliu.cli.installation import Data, DatabaseUrl, Json, installation, show
from chuanliu.clock import from_datetime
from chuanliu.errors import Invalid, Unavailable
from chuanliu.rehearsal import (
    Limits,
    Part,
    Report,
    Script,
    Wishes,
    make_script,
    rehearse,
    remove_shadow,
    render_report,
)
from chuanliu.runtime import CannotStart, Settings, engine_session

_STOP_S: Final = 10.0


_Scenario = Annotated[
    str | None, typer.Argument(metavar="SCENARIO", help="A YAML file, or `double-eleven`, which is shipped.")
]
_Compress = Annotated[float, typer.Option("--compress", help="How many times as fast as the clock.")]
_Scale = Annotated[float, typer.Option("--scale", help="Part of the scenario's rates that is sent.")]
_Begin = Annotated[str | None, typer.Option("--from", help="Begin here: ISO 8601 with an offset.", metavar="TIME")]
_Minutes = Annotated[float | None, typer.Option("--minutes", help="Only so many minutes of the scenario.")]
_Hold = Annotated[float, typer.Option("--hold", min=0, help="Seconds around each start whose requests come at once.")]
_Seed = Annotated[int, typer.Option("--seed", min=0, help="Chance: another seed, another evening.")]
_Before = Annotated[int, typer.Option("--before", min=0, help="Seconds to watch real tenants first.")]
_Connections = Annotated[int, typer.Option("--connections", min=1, help="Connections of the load.")]
_Payers = Annotated[int, typer.Option("--payers", min=1, help="Shadow consumers who pay.")]
_Banks = Annotated[bool, typer.Option("--banks/--no-banks", help="Some pay by card, at shadow banks.")]
_LatencyMs = Annotated[float, typer.Option("--latency-ms", min=1, help="Fail when 1 of 100 answers takes longer.")]
_StopShare = Annotated[
    float,
    typer.Option("--stop-share", min=0, max=1, help="Stop when so much more of real requests is turned away."),
]
_StopTimes = Annotated[
    float, typer.Option("--stop-times", min=1, help="Stop when real requests take so many times as long.")
]
_Gateway = Annotated[
    str | None, typer.Option("--gateway", help="Where the load goes.  [default: the gateway of this installation]")
]
_Output = Annotated[
    Path | None, typer.Option("--output", help="Folder for the report.  [default: rehearsals in the data folder]")
]
_Fresh = Annotated[
    bool, typer.Option("--fresh", help="On a sandbox of its own with gentle traffic, which goes when it is done.")
]
_Remove = Annotated[bool, typer.Option("--remove", help="Delete what rehearsals left; no scenario is run.")]


def rehearse_scenario(
    scenario: _Scenario = None,
    compress: _Compress = 1.0,
    scale: _Scale = 1.0,
    begin: _Begin = None,
    minutes: _Minutes = None,
    hold: _Hold = 0.0,
    seed: _Seed = 1,
    before: _Before = 20,
    connections: _Connections = 128,
    payers: _Payers = 400,
    banks: _Banks = True,
    latency_ms: _LatencyMs = 1000.0,
    stop_share: _StopShare = 0.01,
    stop_times: _StopTimes = 3.0,
    gateway: _Gateway = None,
    output: _Output = None,
    fresh: _Fresh = False,
    remove: _Remove = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Rehearse a scenario with shadow merchants, consumers, banks and a shadow ledger; real money is never touched.

    Stops by itself when real tenants would suffer. The status is 0 when every promise was kept and the books are right.
    """
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    if remove:
        show(asyncio.run(_remove(installation(data, database_url))), as_json=as_json)
        return
    part = Part(compress=compress, scale=scale, seed=seed, start=_moment(begin), minutes=minutes, hold_s=hold)
    script = make_script(_scenario(scenario), part)
    platform = _fresh_platform(data) if fresh else nullcontext(installation(data, database_url))
    with platform as settings:
        host, port = _address(gateway or settings.url)
        wishes = Wishes(
            host=host,
            port=port,
            before_s=before,
            connections=connections,
            payers=payers,
            banks=banks,
            latency_ms_max=latency_ms,
            limits=Limits(rejected_share=stop_share, latency_times=stop_times),
        )
        report = _run(settings, script, wishes, quiet=as_json)
        folder = output or settings.data / "rehearsals"
        if fresh and output is None:
            folder = Path.cwd() / "rehearsals"
        path = _write(report, folder)
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        Console().print(_table(report, path))
    if report.status != "passed":
        raise typer.Exit(1)


def _scenario(name: str | None) -> Scenario:
    if name is None:
        raise Invalid("invalid_parameter", "say which scenario: a YAML file, or double-eleven", field="scenario")
    shipped = files("chuanliu.capacity") / "scenarios" / f"{name}.yaml"
    if "/" not in name and shipped.is_file():
        return read_scenario(shipped.read_text(encoding="utf-8"))
    return read_scenario(text_of_file(Path(name)))


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return from_datetime(datetime.fromisoformat(text))
    except ValueError:
        raise Invalid("invalid_parameter", "the time must be ISO 8601 with an offset", field="from") from None


def _address(url: str) -> tuple[str, int]:
    """Host and port of a gateway. Raises `Invalid`: load is sent without TLS, past whatever proxy stands before."""
    parts = urlsplit(url)
    try:
        port = parts.port or 80
    except ValueError:
        port = 0
    if parts.scheme != "http" or not parts.hostname or not port:
        raise Invalid("invalid_parameter", f"{url}: --gateway must be http://HOST:PORT of a gateway", field="gateway")
    return parts.hostname, port


def _run(settings: Settings, script: Script, wishes: Wishes, *, quiet: bool) -> Report:
    console = Console(stderr=True, quiet=quiet)

    async def act() -> Report:
        # As Ctrl-C does: the load ends, the pool is closed, keys end.
        own = asyncio.current_task()
        if own is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, own.cancel)
        try:
            async with engine_session(settings) as services:
                return await rehearse(services, settings, script, wishes, status.update)
        except Unavailable as failure:
            raise CannotStart(f"the rehearsal could not go on: {failure.message.splitlines()[0]}") from None

    with console.status("starting") as status:
        try:
            return asyncio.run(act())
        except asyncio.CancelledError:
            raise CannotStart("the rehearsal was ended; what it left is removed with --remove") from None


async def _remove(settings: Settings) -> dict[str, Any]:
    removed = await remove_shadow(settings)
    return {"removed": removed, "rows": sum(removed.values())}


def _write(report: Report, folder: Path) -> Path:
    """The report as HTML and as JSON, side by side; returns the former's path. Raises `Invalid` when it cannot."""
    stem = f"{report.scenario}-{report.started[:19].replace(':', '')}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{stem}.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
        page = folder / f"{stem}.html"
        page.write_text(render_report(report), encoding="utf-8")
    except OSError as error:
        raise Invalid("invalid_parameter", f"{folder} cannot be written: {error.strerror}", field="output") from None
    return page


def _table(report: Report, path: Path) -> Table:
    table = Table(title=f"rehearsal of {report.scenario}: {report.status}", show_header=False)
    kept = 1 - report.lost / report.within_promise if report.within_promise else 1.0
    rows = {
        "offered": f"{report.offered:,}",
        "answered": f"{report.answered:,}",
        "turned away": f"{report.turned_away:,}",
        "failed": f"{report.failed:,}",
        "promises kept": f"{kept:.3%} of {report.within_promise:,} requests",
        "p50 / p99": f"{report.p50_ms} / {report.p99_ms} ms",
        "paid": f"{report.books.stored_payments:,} payments, {report.books.acknowledged.by_card:,} by card",
        "audit": "clean" if report.audit_clean else str(report.audit_offenders),
        "real tenants": f"{report.real_during.offered:,} requests, {report.real_during.rejected_share:.2%} turned away",
        "broke first": "nothing" if report.broke_first is None else report.broke_first.text,
        "report": str(path),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    for one in report.findings[1:]:
        table.add_row("", one.text)
    return table


@contextmanager
def _fresh_platform(home: Path | None) -> Iterator[Settings]:
    """A sandbox of its own with gentle traffic. Raises `CannotStart` when it does not come up."""
    if home is not None:
        home.mkdir(parents=True, exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix="chuanliu-rehearsal-", dir=home))
    settings = Settings(
        data=data, master_key_file=data / "master.key", port=free_port(), sandbox=True, log_level="warning"
    )
    platform = PlatformProcess(settings)
    traffic: subprocess.Popen[bytes] | None = None
    try:
        platform.start()
        running = replace(settings, database_url=installation(data, None).database_url)
        environment = os.environ | running.to_environment()
        command = [sys.executable, "-m", "chuanliu.sandbox.traffic_client"]
        traffic = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
        yield running
    except PlatformFailed as failure:
        raise CannotStart(str(failure)) from None
    finally:
        if traffic is not None:
            traffic.terminate()
            try:
                traffic.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                traffic.kill()
                traffic.wait()
        platform.stop()
        _discard(data)


def _discard(data: Path) -> None:
    """The folder, and the cluster that it links to where PostgreSQL's user could not reach the folder."""
    cluster = data / "postgres"
    if cluster.is_symlink():
        shutil.rmtree(cluster.resolve(), ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)
