"""`chuanliu capacity scale`: the controller that keeps a Kubernetes deployment at what the plan and the load need."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry, start_http_server

from chuanliu.calendars import EventFeed, events_of_file
from chuanliu.cli.capacity import UnitRate, UnitsMax, app
from chuanliu.clock import SECOND
from chuanliu.elastic import Cluster, ClusterScaling, KubernetesUnits, NeedOfUnits, PlanFeed, Planner
from chuanliu.errors import Invalid
from chuanliu.runtime import configure_log, stop_on_signals


@app.command("scale")
def scale(
    deployment: Annotated[str, typer.Option("--deployment", help="The Deployment of gateway pods.")],
    namespace: Annotated[str, typer.Option("--namespace")] = "chuanliu",
    calendar: Annotated[
        Path | None, typer.Option("--calendar", help="Events as YAML or .ics; see docs/capacity.md.")
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            "--database-url",
            envvar="CHUANLIU_DATABASE_URL",
            help="Where load and calendars are on record.",
        ),
    ] = None,
    units_min: Annotated[int, typer.Option("--units-min", min=1, help="Pods that are always there.")] = 1,
    units_max: UnitsMax = 100,
    unit_rate: UnitRate = 100,
    lag_s: Annotated[
        float, typer.Option("--lag-s", min=0, max=86_400, help="Seconds from asking for a pod to its serving.")
    ] = 300.0,
    api_server: Annotated[
        str | None, typer.Option("--api-server", help="URL of the API server; inside of a pod it is known.")
    ] = None,
    token_file: Annotated[Path | None, typer.Option("--token-file", help="With --api-server: who asks.")] = None,
    ca_file: Annotated[Path | None, typer.Option("--ca-file", help="With --api-server: whom to trust.")] = None,
    metrics_port: Annotated[int, typer.Option("--metrics-port", min=0, max=65_535, help="0 for none.")] = 0,
) -> None:
    """Scale a Kubernetes deployment ahead of declared peaks and by load, until SIGTERM. Needs no KEDA."""
    if calendar is None and database_url is None:
        raise Invalid(
            "invalid_parameter",
            "a calendar, or a database with load and calendars, must be given",
            field="calendar",
        )
    if units_min > units_max:
        raise Invalid("invalid_parameter", "units must be no more than the most", field="units_min")
    if calendar is not None:
        events_of_file(calendar)
    configure_log("info")
    units = KubernetesUnits(_cluster(api_server, token_file, ca_file), namespace, deployment)
    scaling = ClusterScaling(units)
    planner = Planner(
        NeedOfUnits(least=units_min, most=units_max, unit_rate=unit_rate),
        scaling.publish,
        url=database_url,
        feed=PlanFeed(EventFeed(calendar), unit_rate=unit_rate, units_max=units_max, lag=round(lag_s * SECOND)),
        wish=lambda _: 0,
    )
    if metrics_port:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(scaling)
        start_http_server(metrics_port, registry=registry)

    async def work() -> None:
        await scaling.run(planner, stop_on_signals())

    try:
        asyncio.run(work())
    finally:
        units.close()


def _cluster(api_server: str | None, token_file: Path | None, ca_file: Path | None) -> Cluster:
    if api_server is not None:
        if not api_server.startswith(("http://", "https://")):
            raise Invalid("invalid_parameter", "the API server is an http(s) URL", field="api_server")
        return Cluster(api_server.rstrip("/"), token_file, ca_file)
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise Invalid("invalid_parameter", "this is no pod of a cluster: give --api-server", field="api_server")
    return Cluster.inside(host, port)
