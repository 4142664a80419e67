"""`chuanliu bench`: measurements as ratios within one run, one JSON object each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
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
    run_admission,
    run_assistant,
    run_baseline,
    run_bills,
    run_capacity,
    run_colocation,
    run_elastic,
    run_generator,
    run_instalments,
    run_ledger,
    run_memory,
    run_noisy_neighbour,
    run_overload,
    run_pay,
    run_quote,
    run_rsa,
)
from chuanliu.cli.shared_options import parameters_of, with_parameters
from chuanliu.runtime import read_settings

app = typer.Typer(
    no_args_is_help=True,
    help="Measure on this machine. Every figure is a ratio to pgbench in the same minutes, and is withheld unless the "
    "books are right afterwards (then the status is 1).",
)

DatabaseUrl = Annotated[str | None, typer.Option("--database-url", help="A PostgreSQL server instead of our own.")]
Data = Annotated[Path | None, typer.Option("--data", help="The data folder, on the disk that is to be measured.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def _seconds(least: int, text: str) -> Any:
    return Annotated[int, typer.Option("--seconds", min=least, help=text)]


_Connections = Annotated[int, typer.Option("--connections", min=1, help="Connections that pay at the same time.")]
_CHOICES: Final[dict[str, Any]] = {
    "seconds": _seconds(1, "Length of one measurement in a round."),
    "dialect": Annotated[str, typer.Option("--dialect", help="native, or alipay (v2, RSA2 both ways).")],
    "merchants": Annotated[
        int, typer.Option("--merchants", min=1, help="Merchants paid; 1 is compared with many in the same rounds.")
    ],
    "preload": Annotated[
        int, typer.Option("--preload", min=0, help="Payments stored before; compared with an empty database.")
    ],
    "connections": _Connections,
    "pairs": Annotated[
        int, typer.Option("--pairs", min=1, help="Interleaved rounds; fewer than 5 give no lasting figure.")
    ],
    "workers": Annotated[int, typer.Option("--workers", min=1, help="Processes that answer requests.")],
    "idle": Annotated[bool, typer.Option("--idle", help="Also the latency of a payer who is alone.")],
    "batch": Annotated[int, typer.Option("--batch", min=1000, help="Transfers in a batch.")],
    "lanes": Annotated[int, typer.Option("--lanes", min=1, max=4, help="Writing lanes of the engine.")],
}
"""The fields of `Options` as options of the command line."""

_DEFAULTS: Final = Options()
_OF_LEDGER: Final = Options(workers=1)
_OF_MEMORY: Final = Options(seconds=600)

_Measure = Callable[[Ground, Options, Status], Report | list[Report]]


def _command(name: str, choices: str, defaults: Options = _DEFAULTS, **others: Any) -> Callable[[_Measure], _Measure]:
    """Make a measurement a command with these of the choices, on a ground of its own; `others` stand for choices."""

    def register(measure: _Measure) -> _Measure:
        def carry_out(database_url: str | None, data: Path | None, as_json: bool, **chosen: Any) -> None:
            options = _options(defaults, **chosen)
            with _ground(data, database_url) as (ground, status):
                found = measure(ground, options, status)
            _finish(found, as_json, name)

        annotations = {**_CHOICES, **others}
        own = [
            Parameter(each, Parameter.KEYWORD_ONLY, annotation=annotations[each], default=getattr(defaults, each))
            for each in choices.split()
        ]
        app.command(name)(with_parameters(carry_out, [*own, *parameters_of(_ground_options)], measure.__doc__ or ""))
        return measure

    return register


def _ground_options(*, database_url: DatabaseUrl = None, data: Data = None, as_json: Json = False) -> None:
    pass


@_command("pay", "seconds dialect merchants preload connections pairs workers idle")
def bench_pay(ground: Ground, options: Options, status: Status) -> Report:
    """Payments over HTTP, durable, with their events, beside the running folder and dispatcher."""
    return run_pay(ground, options, _rounds(status), lambda done, of: status.update(_bar("stocking", done, of)))


@_command("instalments", "seconds pairs workers")
def bench_instalments(ground: Ground, options: Options, status: Status) -> Report:
    """Confirmed quotes with a campaign and without; payments in 12 instalments, by own line and bank, against plain."""
    return run_instalments(ground, options, _rounds(status))


@_command("ledger", "seconds batch lanes pairs", _OF_LEDGER)
def bench_ledger(ground: Ground, options: Options, status: Status) -> Report:
    """Transfers in large batches, straight to the lanes of one engine; latencies are of whole batches."""
    return run_ledger(ground, options, _rounds(status))


@_command("memory", "seconds dialect connections workers", _OF_MEMORY, seconds=_seconds(30, "Length of the run."))
def bench_memory(ground: Ground, options: Options, status: Status) -> Report:
    """Memory of each gateway process under saturation: peak, and growth from the middle to the end."""
    return run_memory(ground, options, lambda at, of: status.update(f"saturating: {at:.0f} of {of:.0f} s"))


@_command("baseline", "seconds connections pairs workers")
def bench_baseline(ground: Ground, options: Options, status: Status) -> Report:
    """The same payment written the usual way (FastAPI, ORM, a transaction each), in the same rounds as ours."""
    return run_baseline(ground, options, _rounds(status))


@app.command("admission")
def bench_admission(database_url: DatabaseUrl = None, data: Data = None, as_json: Json = False) -> None:
    """What admission costs each request, with 200 tenants, let in and turned away."""
    with _ground(data, database_url) as (ground, _):
        found = run_admission(ground)
    _finish(found, as_json)


@app.command("noisy-neighbour")
def bench_noisy_neighbour(
    promise: Annotated[float, typer.Option("--promise", min=1, help="Payments a second of each of 21 tenants.")] = 10.0,
    seconds: Annotated[int, typer.Option("--seconds", min=2, help="Length of one measurement.")] = 10,
    pairs: Annotated[int, typer.Option("--pairs", min=1, help="Interleaved rounds, without and with the noise.")] = 5,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Twenty tenants at their promise while one sends ten times its own: what they lose, and what it gets."""
    with _ground(data, database_url) as (ground, status):
        found = run_noisy_neighbour(ground, promise, seconds, pairs, _rounds(status))
    _finish(found, as_json)


@app.command("overload")
def bench_overload(
    limit: Annotated[
        float, typer.Option("--limit", min=10, help="The pool's limit; three times it is offered.")
    ] = 1000,
    seconds: Annotated[int, typer.Option("--seconds", min=2, help="How long the overload lasts.")] = 300,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Three times the limit: goodput, payments before queries, and how soon all is as before."""
    with _ground(data, database_url) as (ground, status):
        found = run_overload(ground, limit, seconds, _rounds(status))
    _finish(found, as_json)


@app.command("colocation")
def bench_colocation(
    per_s: Annotated[
        float | None, typer.Option("--per-s", min=1, help="Payments a second; half of what it can when missing.")
    ] = None,
    seconds: Annotated[int, typer.Option("--seconds", min=2, help="Length of one measurement.")] = 10,
    pairs: Annotated[int, typer.Option("--pairs", min=1, help="Interleaved rounds, without and with the work.")] = 5,
    stock: Annotated[int, typer.Option("--stock", min=1000, help="Payments stored before, to be audited.")] = 400_000,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Offline work beside payments at half load: what payments feel, what it gets, how soon it gives way."""
    with _ground(data, database_url) as (ground, status):
        found = run_colocation(ground, per_s, seconds, pairs, stock, _rounds(status))
    _finish(found, as_json)


@app.command("elastic")
def bench_elastic(
    pops: Annotated[int, typer.Option("--pops", min=1, help="How often units come and go.")] = 10,
    seconds: Annotated[
        int, typer.Option("--seconds", min=5, help="Length of the load; turns must end within it.")
    ] = 240,
    per_s: Annotated[float, typer.Option("--per-s", min=10, help="Requests a second, 40 % of them payments.")] = 50,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Units out and back under constant load: no request may fail for it."""
    with _ground(data, database_url) as (ground, status):
        found = run_elastic(ground, pops, seconds, per_s, _rounds(status))
    _finish(found, as_json)


@app.command("rsa")
def bench_rsa(
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="Length of each of five measurements.")] = 1.0,
    as_json: Json = False,
) -> None:
    """RSA-2048 signatures and verifications on one core and on all: the ceiling of the Alipay dialect."""
    _finish(run_rsa(seconds), as_json)


@app.command("quote")
def bench_quote(
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="Length of the measurement.")] = _DEFAULTS.seconds,
    as_json: Json = False,
) -> None:
    """Processor time of one quote over 37 banks with six numbers of instalments each, with campaigns."""
    _finish(run_quote(seconds), as_json)


@app.command("capacity")
def bench_capacity(
    days: Annotated[int, typer.Option("--days", min=1, help="Days with steps, and as many smooth ones.")] = 5,
    as_json: Json = False,
) -> None:
    """Time of a plan for 200 tenants and 288 slots; units and overload of the plan beside other policies."""
    _finish(run_capacity(days), as_json)


@app.command("bills")
def bench_bills(
    lines: Annotated[int, typer.Option("--lines", min=64, help="Credit lines, with five postings each.")] = 1_000_000,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Statements of many lines, against one INSERT … SELECT … GROUP BY of the same postings."""
    with _ground(data, database_url) as (ground, status):
        found = run_bills(ground, lines, lambda what, done, of: status.update(_bar(what, done, of)))
    _finish(found, as_json)


@app.command("assistant")
def bench_assistant(
    consumers: Annotated[int, typer.Option("--consumers", min=1, help="Consumers with 120 payments each.")] = 30,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often each known question is asked.")] = 3,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Questions about bills, from the text to the answer with its proofs."""
    with _ground(data, database_url) as (ground, status):
        found = run_assistant(ground, consumers, rounds, lambda what, done, of: status.update(_bar(what, done, of)))
    _finish(found, as_json)


@app.command("generator")
def bench_generator(
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="Length of the measurement.")] = _DEFAULTS.seconds,
    connections: _Connections = _DEFAULTS.connections,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The load generator against a server that only answers: what it can do, and what it costs."""
    folder = _data_folder(data) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    _finish(run_generator(folder, _options(_DEFAULTS, seconds=seconds, connections=connections)), as_json)


@_command("all", "seconds pairs workers")
def bench_all(ground: Ground, options: Options, status: Status) -> list[Report]:
    """All of the above one after the other, except the long ones (memory, preload)."""
    change = msgspec.structs.replace
    heard = _rounds(status)
    return [
        run_rsa(),
        run_quote(options.seconds),
        run_capacity(options.pairs),
        run_generator(ground.folder, options),
        run_ledger(ground, options, heard),
        run_pay(ground, change(options, idle=True), heard),
        run_pay(ground, change(options, merchants=1), heard),
        run_pay(ground, change(options, dialect="alipay"), heard),
        run_instalments(ground, options, heard),
        run_baseline(ground, options, heard),
    ]


def _options(defaults: Options, **chosen: Any) -> Options:
    try:
        return msgspec.convert({**msgspec.structs.asdict(defaults), **chosen}, Options)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error)) from None


def _data_folder(data: Path | None) -> Path:
    return read_settings(os.environ, Path.home(), os.geteuid() == 0, data=data).data


@contextmanager
def _ground(data: Path | None, database_url: str | None) -> Iterator[tuple[Ground, Status]]:
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


def _bar(what: str, done: int, of: int) -> RenderableType:
    bar = Table.grid(padding=(0, 1))
    bar.add_row(what, ProgressBar(total=of, completed=done, width=40), f"{done:,} of {of:,}")
    return bar


def _finish(found: Report | list[Report], as_json: bool, name: str = "") -> None:
    reports = found if isinstance(found, list) else [found]
    if as_json:
        one: Report | dict[str, Any] = {"name": name, "reports": found} if isinstance(found, list) else found
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
