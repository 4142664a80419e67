import asyncio
import json

import pytest
from structlog.testing import capture_logs

from chuanliu.errors import Busy, ChuanliuError, Refused
from chuanliu.serving import Application, Request, Response, Router, metrics_text


async def good(request: Request) -> Response:
    return Response.json({"n": request.path_params["n"]})


async def refusing(_: Request) -> Response:
    raise Refused("order_closed")


async def failing(_: Request) -> Response:
    raise ZeroDivisionError("secret of the inside")


def router() -> Router:
    routes = Router()
    routes.add("GET", "/good/{n}", good)
    routes.add("GET", "/refusing", refusing)
    routes.add("GET", "/failing", failing)
    return routes


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/good/7", 200, None),
        ("GET", "/refusing", 422, "order_closed"),
        ("GET", "/nothing", 404, "route_not_found"),
        ("PUT", "/refusing", 405, "method_not_allowed"),
    ],
)
def test_answers(method: str, path: str, status: int, code: str | None) -> None:
    response = asyncio.run(Application(router()).answer(Request(method, path)))
    document = json.loads(response.body)
    assert (response.status, document.get("code")) == (status, code)
    assert response.header("allow") == ("GET, HEAD, OPTIONS" if status == 405 else None)


def test_an_unexpected_error_is_logged_inside_and_told_only_by_its_trace_id() -> None:
    with capture_logs() as logs:
        response = asyncio.run(Application(router()).answer(Request("GET", "/failing")))
    document = json.loads(response.body)
    assert (response.status, document["code"]) == (500, "internal")
    assert b"secret" not in response.body
    assert b"ZeroDivision" not in response.body
    assert [(log["trace_id"], log["path"], log["log_level"]) for log in logs] == [
        (document["details"]["trace_id"], "/failing", "error")
    ]


def test_over_the_limit_the_answer_comes_at_once() -> None:
    async def story() -> None:
        gate = asyncio.Event()

        async def slow(_: Request) -> Response:
            await gate.wait()
            return Response.text("done")

        routes = Router()
        routes.add("GET", "/slow", slow)
        application = Application(routes, concurrent_max=2)
        running = [asyncio.create_task(application.answer(Request("GET", "/slow"))) for _ in range(2)]
        await asyncio.sleep(0)
        assert application.running == 2
        refused = await application.answer(Request("GET", "/slow"))
        assert (refused.status, json.loads(refused.body)["code"]) == (503, "busy")
        assert refused.header("retry-after") == "1"
        gate.set()
        assert [(await task).status for task in running] == [200, 200]
        assert application.running == 0
        assert (await application.answer(Request("GET", "/slow"))).status == 200

    asyncio.run(story())


def test_a_dialect_brings_its_own_refusals() -> None:
    def refuse(request: Request, error: ChuanliuError) -> Response:
        return Response.text(f"{request.path} {error.code}")

    def overload(request: Request) -> Response:
        return refuse(request, Busy())

    application = Application(router(), refuse=refuse, overload=overload, concurrent_max=1)
    assert asyncio.run(application.answer(Request("GET", "/x"))).body == b"/x route_not_found"
    none = Application(router(), refuse=refuse, overload=overload, concurrent_max=0)
    assert asyncio.run(none.answer(Request("GET", "/x"))).body == b"/x busy"


def test_answers_are_counted_by_route_and_status() -> None:
    async def story() -> None:
        application = Application(router())
        for path in ("/good/1", "/good/2", "/refusing", "/nothing/at/all"):
            await application.answer(Request("GET", path))
        text = metrics_text(application.meter)
        assert 'chuanliu_http_requests_total{route="/good/{n}",status="200"} 2.0' in text
        assert 'chuanliu_http_requests_total{route="/refusing",status="422"} 1.0' in text
        assert 'chuanliu_http_requests_total{route="(none)",status="404"} 1.0' in text
        assert 'chuanliu_http_request_seconds_bucket{le="+Inf",route="/good/{n}"} 2.0' in text
        assert 'chuanliu_http_request_seconds_count{route="/good/{n}"} 2.0' in text

    asyncio.run(story())
