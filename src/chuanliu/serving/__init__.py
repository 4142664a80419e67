"""HTTP: values, a router, and the server. Knows nothing of payments.

router = Router()
router.add("GET", "/v1/orders/{order_id}", show_order)      # async def show_order(request) -> Response
await serve(Application(router), "127.0.0.1", 8080, stop=stop)
"""

from chuanliu.serving.application import Application, Edge, Passage, problem_overload, problem_refusal
from chuanliu.serving.board_server import PLACES, Board, Figure, Place, PlaceState
from chuanliu.serving.cookies import cookie_text, parse_cookies
from chuanliu.serving.door_server import Door
from chuanliu.serving.form import codec_of, parse_form, unique
from chuanliu.serving.http_server import serve
from chuanliu.serving.meter import LATENCY_BUCKETS_S, RequestMeter, metrics_response, metrics_text
from chuanliu.serving.request import Headers, KnownPeer, Peer, Request
from chuanliu.serving.response import Response, content_security_policy, problem_document, status_of
from chuanliu.serving.router import Handler, MethodNotAllowed, Router

__all__ = [
    "LATENCY_BUCKETS_S",
    "PLACES",
    "Application",
    "Board",
    "Door",
    "Edge",
    "Figure",
    "Handler",
    "Headers",
    "KnownPeer",
    "MethodNotAllowed",
    "Passage",
    "Peer",
    "Place",
    "PlaceState",
    "Request",
    "RequestMeter",
    "Response",
    "Router",
    "codec_of",
    "content_security_policy",
    "cookie_text",
    "metrics_response",
    "metrics_text",
    "parse_cookies",
    "parse_form",
    "problem_document",
    "problem_overload",
    "problem_refusal",
    "serve",
    "status_of",
    "unique",
]
