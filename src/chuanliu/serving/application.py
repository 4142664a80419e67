"""From a request to its answer: routing, admission, errors, counting. No sockets here."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from time import perf_counter
from typing import Final, Protocol

import structlog

from chuanliu.errors import Busy, ChuanliuError
from chuanliu.serving.meter import RequestMeter
from chuanliu.serving.request import Request
from chuanliu.serving.response import Response
from chuanliu.serving.router import MethodNotAllowed, Router

Refusal = Callable[[Request, ChuanliuError], Response]
Overload = Callable[[Request], Response]

BODY_BYTES_MAX: Final = 1024 * 1024
CONCURRENT_MAX: Final = 4096
UNROUTED: Final = "(none)"
TURNED_AWAY: Final = "(edge)"

_log = structlog.get_logger(__name__)


def problem_refusal(request: Request, error: ChuanliuError) -> Response:
    """The native answer to an error that no handler turned into an answer: problem details."""
    del request
    response = Response.problem(error)
    if isinstance(error, MethodNotAllowed):
        response.with_header("allow", error.allow)
    return response


def problem_overload(request: Request) -> Response:
    """The native answer to a request over the limit of concurrent ones: 503 with `retry-after`."""
    del request
    return Response.problem(Busy(), status=503).with_header("retry-after", "1")


class Passage(Protocol):
    """A request that was let in at the edge."""

    def leave(self, response: Response, seconds: float) -> None:
        """It was answered, so many seconds after it was read whole."""
        ...


class Edge(Protocol):
    """What stands before the handlers and may turn a request away."""

    def enter(self, request: Request) -> Passage | Response | None:
        """A passage, the answer of who is turned away, or None for a request that is not looked at. May not block."""
        ...


class Application:
    """A router with bounds around it.

    `refuse` answers every error that leaves a handler and everything that is refused before one is reached
    (`route_not_found`, `method_not_allowed`, `body_too_large`, `internal`); a dialect that signs its errors brings its
    own. `edge` is asked first of all. `overload` answers at once when `concurrent_max` requests are in handlers. None
    of them may block.
    """

    def __init__(
        self,
        router: Router,
        *,
        refuse: Refusal = problem_refusal,
        overload: Overload = problem_overload,
        concurrent_max: int = CONCURRENT_MAX,
        body_bytes_max: int = BODY_BYTES_MAX,
        body_timeout_s: float = 30.0,
        behind_proxy: bool = False,
        meter: RequestMeter | None = None,
        edge: Edge | None = None,
    ) -> None:
        self.body_bytes_max = body_bytes_max
        self.body_timeout_s = body_timeout_s
        self.behind_proxy = behind_proxy
        self.meter = meter if meter is not None else RequestMeter()
        self._edge = edge
        self._router = router
        self._refuse = refuse
        self._overload = overload
        self._concurrent_max = concurrent_max
        self._running = 0

    @property
    def running(self) -> int:
        """Requests in handlers now."""
        return self._running

    async def answer(self, request: Request) -> Response:
        """The response to a request that was read whole. Never raises, cancellation apart."""
        started = perf_counter()
        route = UNROUTED
        passage = self._edge.enter(request) if self._edge is not None else None
        if isinstance(passage, Response):
            self.meter.observe(TURNED_AWAY, passage.status, perf_counter() - started)
            return passage
        if self._running >= self._concurrent_max:
            response = self._overload(request)
        else:
            self._running += 1
            try:
                match = self._router.resolve(request.method, request.path)
                route = match.route
                request.path_params = match.params
                response = await match.handler(request)
            except ChuanliuError as error:
                response = self._refuse(request, error)
            except Exception:
                response = self._refuse(request, self._internal(request))
            finally:
                self._running -= 1
        seconds = perf_counter() - started
        self.meter.observe(route, response.status, seconds)
        if passage is not None:
            passage.leave(response, seconds)
        return response

    def refuse(self, request: Request, error: ChuanliuError) -> Response:
        """The counted answer to a request that could not be read."""
        response = self._refuse(request, error)
        self.meter.observe(UNROUTED, response.status, 0.0)
        return response

    @staticmethod
    def _internal(request: Request) -> ChuanliuError:
        trace_id = secrets.token_hex(8)
        _log.exception("unexpected error", trace_id=trace_id, method=request.method, path=request.path)
        return ChuanliuError("internal", trace_id=trace_id)
