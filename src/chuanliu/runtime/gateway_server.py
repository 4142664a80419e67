"""A gateway process: one event loop, one engine, all dialects on one port that several processes share."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import Final

import structlog

from chuanliu.errors import ChuanliuError
from chuanliu.gateway import admin, alipay_routes, cashier, native
from chuanliu.gateway.services import Services
from chuanliu.runtime.engine_session import engine_session, settings_of_process
from chuanliu.runtime.settings import Settings
from chuanliu.serving import (
    Application,
    Request,
    RequestMeter,
    Response,
    Router,
    metrics_text,
    problem_overload,
    problem_refusal,
    serve,
)

log = structlog.get_logger()

OFFICIAL_PYTHON_HOST: Final = "127.0.0.77"
"""The sandbox's second address: the official Python SDK connects to port 80 whatever its URL says."""


def build_application(services: Services) -> Application:
    """All routes of the platform on one application."""
    router = Router()
    meter = RequestMeter()

    async def healthy(_request: Request) -> Response:
        return Response.json(b'{"status":"ok"}')

    async def metrics(_request: Request) -> Response:
        return Response.text(metrics_text(meter) + _engine_metrics(services))

    router.add("GET", "/healthz", healthy)
    router.add("GET", "/metrics", metrics)
    alipay_routes.add_routes(router, services)
    cashier.add_routes(router, services)
    native.add_routes(router, services)
    admin.add_routes(router, services)
    return Application(router, refuse=_refusal(services), overload=_overload(services), meter=meter)


def _refusal(services: Services):  # type: ignore[no-untyped-def]
    def refuse(request: Request, error: ChuanliuError) -> Response:
        if alipay_routes.is_alipay(request):
            return alipay_routes.refuse(services, request, error)
        return problem_refusal(request, error)

    return refuse


def _overload(services: Services):  # type: ignore[no-untyped-def]
    def overload(request: Request) -> Response:
        if alipay_routes.is_alipay(request):
            return alipay_routes.overload(services, request)
        return problem_overload(request)

    return overload


def _engine_metrics(services: Services) -> str:
    lines = [f"chuanliu_lane_waiting {services.engine.waiting}"]
    for number, counters in enumerate(services.engine.counters):
        for name, value in vars(counters).items():
            lines.append(f'chuanliu_lane_{name}_total{{lane="{number}"}} {value}')
    return "\n".join(lines) + "\n"


async def serve_gateway(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then take no more connections and answer what was accepted."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with engine_session(settings) as services:
        application = build_application(services)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve(application, settings.host, settings.port, stop=stop))
            if settings.sandbox:
                tasks.create_task(_serve_official_python(application, stop))


async def _serve_official_python(application: Application, stop: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        await serve(application, OFFICIAL_PYTHON_HOST, 80, stop=stop)


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve_gateway(settings_of_process()))
