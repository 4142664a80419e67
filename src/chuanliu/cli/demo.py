"""`chuanliu demo`: the platform with sandbox data and gentle traffic, and what to do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from chuanliu.cli.settings_of_command import settings_from
from chuanliu.cli.up import DatabaseOption, DataOption, HostOption, PortOption, WorkersOption, run_platform
from chuanliu.runtime import Settings

if TYPE_CHECKING:
    from chuanliu.gateway.start import Roster

TrafficOption = Annotated[bool, typer.Option("--traffic/--no-traffic", help="A few demo payments a second.")]


def demo(
    port: PortOption = None,
    host: HostOption = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    workers: WorkersOption = None,
    traffic: TrafficOption = True,
) -> None:
    """Start a sandbox with merchants, consumers and gentle traffic. Ctrl-C stops it; the next run finds its data."""
    settings = settings_from(port=port, host=host, data=data, database_url=database_url, workers=workers, sandbox=True)
    run_platform(settings, traffic=traffic, on_ready=_say_what_next)


def _say_what_next(settings: Settings, roster: Roster | None) -> None:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold")
    # Addresses and keys are for copying: they are never cut.
    rows.add_column(overflow="fold")
    rows.add_row("Start page", settings.url)
    rows.add_row("Alipay gateway", f"{settings.url}/gateway.do")
    rows.add_row("API reference", f"{settings.url}/docs")
    if roster is not None:
        merchant, consumer = roster.merchants[0], roster.consumers[0]
        rows.add_row("app_id", merchant.credentials.app_id)
        rows.add_row("seller_id", merchant.credentials.seller_id)
        rows.add_row("API key", merchant.credentials.api_key)
        rows.add_row("A consumer", f"{consumer.user_id}, pay password {consumer.pay_password}")
    rows.add_row("Data, logs, keys", str(settings.data))
    rows.add_row("", "Open the start page: it has snippets that run as printed. Ctrl-C stops everything.")
    Console().print(Panel(rows, title="川流 Chuanliu sandbox is running", border_style="cyan", expand=False))
