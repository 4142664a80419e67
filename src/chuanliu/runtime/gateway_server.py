"""A gateway process: one event loop, one engine, all dialects on one port that several processes share."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import Final

import psycopg
import structlog
from prometheus_client.registry import Collector
from psycopg_pool import PoolTimeout

from chuanliu.acquiring import BankMeter, held_quotes, waiting_calls
from chuanliu.errors import ChuanliuError
from chuanliu.gateway import Services, admin, alipay_routes, cashier, consumer, lender, native, operations, start
from chuanliu.gateway.edge import Edge
from chuanliu.instalments import load_china_calendar
from chuanliu.runtime.engine_session_store import engine_session, settings_of_process
from chuanliu.runtime.lane_meter import LaneMeter
from chuanliu.runtime.process_log import configure_log
from chuanliu.runtime.settings import DOOR_VARIABLE, Settings
from chuanliu.runtime.stopping_server import stop_on_signals
from chuanliu.runtime.traffic_server import TrafficControl
from chuanliu.runtime.unit_meter import UnitMeter
from chuanliu.serving import (
    Application,
    Door,
    Request,
    RequestMeter,
    Response,
    Router,
    metrics_response,
    problem_overload,
    problem_refusal,
    serve,
)

log = structlog.get_logger()

_METRICS_WAIT_S: Final = 1.0


def build_application(services: Services, traffic: TrafficControl | None = None) -> Application:
    """All routes of the platform on one application, but for the sandbox's start page. Without `traffic` nothing is
    metered by tenant, and nobody is turned away.
    """
    router = Router()
    return _application(services, router, traffic)


def _application(
    services: Services, router: Router, traffic: TrafficControl | None, door: Door | None = None
) -> Application:
    meter = RequestMeter()
    collectors: list[Collector] = [] if traffic is None else [traffic.meter, traffic]
    if door is not None:
        collectors.append(UnitMeter(door.board))

    async def healthy(_request: Request) -> Response:
        return Response.json(b'{"status":"ok"}')

    async def metrics(request: Request) -> Response:
        return metrics_response(request, meter, await _bank_meter(services), LaneMeter(services.engine), *collectors)

    router.add("GET", "/healthz", healthy)
    router.add("GET", "/metrics", metrics)
    alipay_routes.add_routes(router, services)
    cashier.add_routes(router, services)
    consumer.add_routes(router, services)
    native.add_routes(router, services)
    admin.add_routes(router, services)
    lender.add_routes(router, services)
    operations.add_routes(router, services)
    edge = None if traffic is None else Edge(services, traffic.gate, traffic.meter, shadow_gate=traffic.shadow_gate)
    return Application(router, refuse=_refusal(services), overload=_overload(services), meter=meter, edge=edge)


def _refusal(services: Services) -> Callable[[Request, ChuanliuError], Response]:
    def refuse(request: Request, error: ChuanliuError) -> Response:
        if alipay_routes.is_alipay(request):
            return alipay_routes.refuse(services, request, error)
        return problem_refusal(request, error)

    return refuse


def _overload(services: Services) -> Callable[[Request], Response]:
    def overload(request: Request) -> Response:
        if alipay_routes.is_alipay(request):
            return alipay_routes.overload(services, request)
        return problem_overload(request)

    return overload


async def _bank_meter(services: Services) -> BankMeter:
    """A database that does not answer at once hides nothing of what this process knows."""
    states = services.banks.states()
    try:
        async with asyncio.timeout(_METRICS_WAIT_S), services.reads.connection() as connection:
            return BankMeter(states, await waiting_calls(connection), await held_quotes(connection))
    except (psycopg.Error, PoolTimeout, TimeoutError):
        return BankMeter(states)


async def serve_gateway(settings: Settings, second: start.SecondAddress) -> None:
    """Serve until SIGTERM or SIGINT; then take no more connections and answer what was accepted.

    In the sandbox there is the start page too, and `second` is served beside the gateway's own address.
    """
    stop = stop_on_signals()
    ticket = os.environ.get(DOOR_VARIABLE)
    async with engine_session(settings) as services:
        router = Router()
        traffic = TrafficControl(services.engine, settings.database_url or "")
        door = Door.inherited(ticket) if ticket else None
        if door is not None:
            door.wait_s = lambda: services.engine.wait_s
        application = _application(services, router, traffic, door)
        load_china_calendar()
        if settings.sandbox:
            start.add_routes(router, services, partial(start.read_roster, settings.data), second)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(traffic.run(stop))
            tasks.create_task(
                serve(application, settings.host, settings.port, stop=stop, linger_s=settings.linger_s, door=door)
            )
            if settings.sandbox and second.url:
                tasks.create_task(_serve_second(application, second, stop))


async def _serve_second(application: Application, second: start.SecondAddress, stop: asyncio.Event) -> None:
    """The official Python SDK can do without: where the address is lost, the start page says so."""
    try:
        await serve(application, second.host, second.port, stop=stop)
    except OSError as error:
        log.warning("the second address cannot be served", url=second.url, error=str(error))
        second.url, second.refusal = "", str(error)


def _second_address() -> start.SecondAddress:
    parser = argparse.ArgumentParser()
    parser.add_argument("--second", default="", help="URL at which the gateway is served too")
    parser.add_argument("--no-second", default="", help="why there is none")
    given = parser.parse_args()
    return start.SecondAddress(given.second, given.no_second)


if __name__ == "__main__":
    import uvloop

    settings = settings_of_process()
    configure_log(settings.log_level)
    uvloop.run(serve_gateway(settings, _second_address()))
