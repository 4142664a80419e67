import asyncio

import pytest

from chuanliu.errors import NotFound
from chuanliu.serving import MethodNotAllowed, Request, Response, Router


def router_of(*routes: tuple[str, str]) -> Router:
    router = Router()
    for method, path in routes:

        async def handler(_: Request, answer: str = f"{method} {path}") -> Response:
            return Response.text(answer)

        router.add(method, path, handler)
    return router


ROUTES = router_of(
    ("POST", "/gateway.do"),
    ("GET", "/gateway.do"),
    ("GET", "/v1/orders/{order_id}"),
    ("DELETE", "/v1/orders/{order_id}"),
    ("POST", "/v1/orders"),
    ("GET", "/v1/orders/mine"),
    ("GET", "/v1/{kind}/{number}/lines"),
    ("GET", "/v1/orders/{order_id}/lines"),
    ("POST", "/v1/orders/{order_id}/refunds/{refund_id}"),
    ("GET", "/"),
)


@pytest.mark.parametrize(
    ("method", "path", "route", "params"),
    [
        ("POST", "/gateway.do", "POST /gateway.do", {}),
        ("GET", "/", "GET /", {}),
        ("HEAD", "/gateway.do", "GET /gateway.do", {}),
        ("GET", "/v1/orders/7", "GET /v1/orders/{order_id}", {"order_id": "7"}),
        ("HEAD", "/v1/orders/7", "GET /v1/orders/{order_id}", {"order_id": "7"}),
        ("DELETE", "/v1/orders/a b%20", "DELETE /v1/orders/{order_id}", {"order_id": "a b%20"}),
        ("GET", "/v1/orders/mine", "GET /v1/orders/mine", {}),
        ("GET", "/v1/orders/7/lines", "GET /v1/orders/{order_id}/lines", {"order_id": "7"}),
        ("GET", "/v1/bills/7/lines", "GET /v1/{kind}/{number}/lines", {"kind": "bills", "number": "7"}),
        (
            "POST",
            "/v1/orders/7/refunds/9",
            "POST /v1/orders/{order_id}/refunds/{refund_id}",
            {"order_id": "7", "refund_id": "9"},
        ),
    ],
)
def test_paths_find_their_handler(method: str, path: str, route: str, params: dict[str, str]) -> None:
    match = ROUTES.resolve(method, path)
    response = asyncio.run(match.handler(Request(method, path)))  # type: ignore[arg-type]
    assert response.body.decode() == route
    assert match.params == params
    assert match.route == route.split(" ")[1]


@pytest.mark.parametrize(
    "path", ["", "/nothing", "/gateway.do/", "/v1/orders/", "/v1/orders/7/", "/v1//7/lines", "gateway.do"]
)
def test_other_paths_do_not_exist(path: str) -> None:
    with pytest.raises(NotFound) as error:
        ROUTES.resolve("GET", path)
    assert error.value.code == "route_not_found"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/gateway.do", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/v1/orders", "OPTIONS, POST"),
        ("HEAD", "/v1/orders", "OPTIONS, POST"),
        ("POST", "/v1/orders/7", "DELETE, GET, HEAD, OPTIONS"),
    ],
)
def test_other_methods_are_told_what_is_allowed(method: str, path: str, allow: str) -> None:
    with pytest.raises(MethodNotAllowed) as error:
        ROUTES.resolve(method, path)
    assert error.value.allow == allow
    options = asyncio.run(ROUTES.resolve("OPTIONS", path).handler(Request("OPTIONS", path)))  # type: ignore[arg-type]
    assert (options.status, options.header("allow")) == (204, allow)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gateway.do"),
        ("GET", "/v1/orders/{id}"),
        ("get", "/a"),
        ("GET", "a"),
        ("GET", "/a/{x}/{x}"),
        ("GET", "/a/{not-a-name}"),
        ("GET", "/a/{open"),
        ("GET", "/a/{x}y"),
        ("GET", "/a/x{y}"),
    ],
)
def test_malformed_and_taken_routes_are_refused_at_start(method: str, path: str) -> None:
    router = router_of(("POST", "/gateway.do"), ("GET", "/v1/orders/{order_id}"))

    async def handler(_: Request) -> Response:
        return Response()

    with pytest.raises(ValueError, match=r"rout|parameter"):
        router.add(method, path, handler)
