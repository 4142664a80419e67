"""`chuanliu up` and `chuanliu demo`: start everything on this machine and keep it running."""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from chuanliu.cli.settings_of_command import settings_from
from chuanliu.runtime import ChildSpec, EmbeddedPostgres, Settings, Supervisor, ensure_database, migrate

PortOption = Annotated[int | None, typer.Option(help="Port of the gateway.  [default: 8080]")]
HostOption = Annotated[str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]")]
DataOption = Annotated[Path | None, typer.Option(help="Folder for data, logs and keys.")]
DatabaseOption = Annotated[str | None, typer.Option(help="PostgreSQL 15–18 to use instead of the embedded one.")]
WorkersOption = Annotated[int | None, typer.Option(help="Gateway processes.  [default: 2]")]
SandboxOption = Annotated[bool | None, typer.Option("--sandbox", help="Play money: consumers made from nothing.")]


def _answers(settings: Settings) -> bool:
    try:
        with urllib.request.urlopen(f"{settings.url}/healthz", timeout=0.5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _specs(settings: Settings) -> tuple[list[ChildSpec], list[ChildSpec]]:
    environment = settings.to_environment()

    def spec(name: str, module: str, ready: bool) -> ChildSpec:
        argv = [sys.executable, "-m", f"chuanliu.runtime.{module}"]
        if not ready:
            return ChildSpec(name, argv, env=environment)
        return ChildSpec(name, argv, env=environment, ready=lambda: _answers(settings))

    gateways = [spec(f"gateway-{n}", "gateway_server", ready=n == 1) for n in range(1, settings.workers + 1)]
    return [spec("worker", "worker_server", ready=False)], gateways


def run_platform(settings: Settings, *, sandbox_traffic: bool = False, on_ready: str = "") -> None:
    """Start database, worker and gateways, and return after the ordered stop that Ctrl-C or SIGTERM asks for.

    Raises `CannotStart` when something does not come up.
    """
    facts: dict[str, object] = {"url": settings.url, "port": settings.port, "sandbox": settings.sandbox}
    with Supervisor(settings.data, report=_report, facts=facts) as supervisor:
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
        workers, gateways = _specs(running)
        if not (supervisor.start(*workers) and supervisor.start(*gateways)):
            return
        if sandbox_traffic:
            argv = [sys.executable, "-m", "chuanliu.sandbox.traffic_client"]
            supervisor.start(ChildSpec("traffic", argv, env=running.to_environment()))
        _report(on_ready or f"Ready: {settings.url}")
        supervisor.run()


def _report(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {line}\n")
    sys.stdout.flush()


def up(
    port: PortOption = None,
    host: HostOption = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    workers: WorkersOption = None,
    sandbox: SandboxOption = None,
) -> None:
    """Start the platform: database, worker, gateways. Ctrl-C stops all that it started."""
    run_platform(
        settings_from(port=port, host=host, data=data, database_url=database_url, workers=workers, sandbox=sandbox)
    )
