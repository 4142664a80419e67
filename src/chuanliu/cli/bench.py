"""`chuanliu bench`: measurements as ratios within one run, one JSON object each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.status import Status
from rich.table import Table

from chuanliu.bench import (
    Ground,
    LoadFailed,
    Options,
    PlatformFailed,
    Report,
    YardstickFailed,
    prepared_ground,
    run_baseline,
    run_generator,
    run_ledger,
    run_memory,
    run_pay,
    run_rsa,
)
from chuanliu.runtime import read_settings

app = typer.Typer(
    no_args_is_help=True,
    help="Measure on this machine. Every figure is a ratio to pgbench in the same minutes, and is withheld unless the "
    "books are right afterwards (then the status is 1).",
)

Seconds = Annotated[int, typer.Option("--seconds", min=1, help="Length of one measurement in a round.")]
Pairs = Annotated[int, typer.Option("--pairs", min=1, help="Interleaved rounds; fewer than 5 give no lasting figure.")]
Connections = Annotated[int, typer.Option("--connections", min=1, help="Connections that pay at the same time.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes that answer requests.")]
Dialect = Annotated[str, typer.Option("--dialect", help="native, or alipay (v2, RSA2 both ways).")]
DatabaseUrl = Annotated[str | None, typer.Option("--database-url", help="A PostgreSQL server instead of our own.")]
Data = Annotated[Path | None, typer.Option("--data", help="The data folder, on the disk that is to be measured.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

_DEFAULTS = Options()


@app.command("pay")
def bench_pay(
    seconds: Seconds = _DEFAULTS.seconds,
    dialect: Dialect = _DEFAULTS.dialect,
    merchants: Annotated[
        int, typer.Option("--merchants", min=1, help="Merchants paid; 1 is compared with many in the same rounds.")
    ] = _DEFAULTS.merchants,
    preload: Annotated[
        int, typer.Option("--preload", min=0, help="Payments stored before; compared with an empty database.")
    ] = _DEFAULTS.preload,
    connections: Connections = _DEFAULTS.connections,
    pairs: Pairs = _DEFAULTS.pairs,
    workers: Workers = _DEFAULTS.workers,
    idle: Annotated[bool, typer.Option("--idle", help="Also the latency of a payer who is alone.")] = False,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Payments over HTTP, durable, with their events, beside the running folder and dispatcher."""
    options = _options(
        seconds=seconds,
        dialect=dialect,
        merchants=merchants,
        preload=preload,
        connections=connections,
        pairs=pairs,
        workers=workers,
        idle=idle,
    )
    with _bench(data, database_url) as (ground, status):
        report = run_pay(ground, options, _rounds(status))
    _finish([report], as_json)


@app.command("ledger")
def bench_ledger(
    seconds: Seconds = _DEFAULTS.seconds,
    batch: Annotated[int, typer.Option("--batch", min=1000, help="Transfers in a batch.")] = _DEFAULTS.batch,
    lanes: Annotated[int, typer.Option("--lanes", min=1, max=4, help="Writing lanes of the engine.")] = _DEFAULTS.lanes,
    pairs: Pairs = _DEFAULTS.pairs,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Transfers in large batches, straight to the lanes of one engine; latencies are of whole batches."""
    options = _options(seconds=seconds, batch=batch, lanes=lanes, pairs=pairs, workers=1)
    with _bench(data, database_url) as (ground, status):
        report = run_ledger(ground, options, _rounds(status))
    _finish([report], as_json)


@app.command("memory")
def bench_memory(
    seconds: Annotated[int, typer.Option("--seconds", min=30, help="Length of the run.")] = 600,
    dialect: Dialect = _DEFAULTS.dialect,
    connections: Connections = _DEFAULTS.connections,
    workers: Workers = _DEFAULTS.workers,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Memory of each gateway process under saturation: peak, and growth from the middle to the end."""
    options = _options(seconds=seconds, dialect=dialect, connections=connections, workers=workers)
    with _bench(data, database_url) as (ground, status):
        report = run_memory(ground, options, lambda at, of: status.update(f"saturating: {at:.0f} of {of:.0f} s"))
    _finish([report], as_json)


@app.command("baseline")
def bench_baseline(
    seconds: Seconds = _DEFAULTS.seconds,
    connections: Connections = _DEFAULTS.connections,
    pairs: Pairs = _DEFAULTS.pairs,
    workers: Workers = _DEFAULTS.workers,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The same payment written the usual way (FastAPI, ORM, a transaction each), in the same rounds as ours."""
    options = _options(seconds=seconds, connections=connections, pairs=pairs, workers=workers)
    with _bench(data, database_url) as (ground, status):
        report = run_baseline(ground, options, _rounds(status))
    _finish([report], as_json)


@app.command("rsa")
def bench_rsa(
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="Length of each of five measurements.")] = 1.0,
    as_json: Json = False,
) -> None:
    """RSA-2048 signatures and verifications on one core and on all: the ceiling of the Alipay dialect."""
    _finish([run_rsa(seconds)], as_json)


@app.command("generator")
def bench_generator(
    seconds: Seconds = _DEFAULTS.seconds,
    connections: Connections = _DEFAULTS.connections,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The load generator against a server that only answers: what it can do, and what it costs."""
    folder = _data_folder(data) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    _finish([run_generator(folder, _options(seconds=seconds, connections=connections))], as_json)


@app.command("all")
def bench_all(
    seconds: Seconds = _DEFAULTS.seconds,
    pairs: Pairs = _DEFAULTS.pairs,
    workers: Workers = _DEFAULTS.workers,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """All of the above one after the other, except the long ones (memory, preload)."""
    options = _options(seconds=seconds, pairs=pairs, workers=workers)
    change = msgspec.structs.replace
    with _bench(data, database_url) as (ground, status):
        heard = _rounds(status)
        reports = [
            run_rsa(),
            run_generator(ground.folder, options),
            run_ledger(ground, options, heard),
            run_pay(ground, change(options, idle=True), heard),
            run_pay(ground, change(options, merchants=1), heard),
            run_pay(ground, change(options, dialect="alipay"), heard),
            run_baseline(ground, options, heard),
        ]
    _finish(reports, as_json, name="all")


def _options(**chosen: Any) -> Options:
    try:
        return msgspec.convert(chosen, Options)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error)) from None


def _data_folder(data: Path | None) -> Path:
    return read_settings(os.environ, Path.home(), os.geteuid() == 0, data=data).data


@contextmanager
def _bench(data: Path | None, database_url: str | None) -> Iterator[tuple[Ground, Status]]:
    """A ground and a status line; what stops a run is one line on standard error and status 1."""
    try:
        with (
            Console(stderr=True).status("preparing") as status,
            prepared_ground(_data_folder(data), database_url) as ground,
        ):
            yield ground, status
    except (LoadFailed, PlatformFailed, YardstickFailed) as failure:
        sys.stderr.write(f"chuanliu bench: {failure}\n")
        raise typer.Exit(1) from None
    except ModuleNotFoundError as missing:
        sys.stderr.write(f"chuanliu bench: {missing.name} is not installed; the extra `chuanliu[bench]` has it\n")
        raise typer.Exit(1) from None


def _rounds(status: Status) -> Callable[[str, int, float], None]:
    def hear(name: str, number: int, per_second: float) -> None:
        status.update(f"round {number}: {name} {per_second:,.0f}/s")

    return hear


def _finish(reports: list[Report], as_json: bool, name: str | None = None) -> None:
    if as_json:
        one: Report | dict[str, Any] = {"name": name, "reports": reports} if name else reports[0]
        typer.echo(msgspec.json.encode(one).decode())
    else:
        for report in reports:
            Console().print(_table(report))
    if not all(report.is_clean for report in reports):
        raise typer.Exit(1)


def _table(report: Report) -> Table:
    table = Table(title=f"bench {report.name}", show_header=False)
    for field, value in msgspec.to_builtins(report).items():
        if value not in (None, [], {}) and field not in {"name", "extras"}:
            table.add_row(field, _shown(value))
    for field, value in msgspec.to_builtins(report.extras).items():
        table.add_row(field, _shown(value))
    return table


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_shown(one)}" for key, one in value.items())
    if isinstance(value, list):
        return "\n".join(_shown(one).replace("\n", ", ") for one in value)
    return str(value)
