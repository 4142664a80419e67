"""The Alipay dialect on a router, and its refusals of what no handler is reached for."""

from __future__ import annotations

from chuanliu.errors import Busy, ChuanliuError
from chuanliu.gateway.alipay_routes.gateway_routes import PATHS, answer_v2, refuse_named, refuse_v2
from chuanliu.gateway.alipay_routes.operation_routes import app_of, signing_key_of_app
from chuanliu.gateway.alipay_routes.rest_routes import answer_v3, refuse_v3
from chuanliu.gateway.composition import Services
from chuanliu.serving import Request, Response, Router

__all__ = ["add_routes", "is_alipay", "overload", "refuse", "refuse_named", "signer_of"]

_REST_PREFIX = "/v3/"
_REST_DEPTH_MAX = 8
_REST_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


def add_routes(router: Router, services: Services) -> None:
    """`gateway.do` (GET and POST, with and without a slash behind) and everything below `/v3/`."""

    async def v2(request: Request) -> Response:
        return await answer_v2(services, request)

    async def v3(request: Request) -> Response:
        return await answer_v3(services, request)

    for path in PATHS:
        router.add("GET", path, v2)
        router.add("POST", path, v2)
    # Unknown methods get a signed answer too, so every depth of path is served.
    for depth in range(1, _REST_DEPTH_MAX + 1):
        path = _REST_PREFIX + "/".join(f"{{part{number}}}" for number in range(depth))
        for http_method in _REST_METHODS:
            router.add(http_method, path, v3)


def is_alipay(request: Request) -> bool:
    """Whether a request is for this dialect, which signs its refusals."""
    return request.path in PATHS or request.path.startswith(_REST_PREFIX)


def refuse(services: Services, request: Request, error: ChuanliuError) -> Response:
    """The signed answer to what is refused before a handler is reached."""
    refusing = refuse_v2 if request.path in PATHS else refuse_v3
    return refusing(services, request, error)


def overload(services: Services, request: Request) -> Response:
    """The signed answer while too many requests are under way: nothing was done, try again."""
    return refuse(services, request, Busy())


def signer_of(services: Services, app_id: str) -> str:
    """Whose answers are signed alike: the certificate's number of the key that signs for an app."""
    return signing_key_of_app(services, app_of(services, app_id)).cert_sn
