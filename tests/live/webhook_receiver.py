"""A merchant's webhook endpoint that answers as it is told: at once, with an error first, or never."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, NamedTuple

Manner = Literal["good", "late", "hangs"]


class Arrival(NamedTuple):
    """One POST: headers with lower-case names, and body."""

    headers: dict[str, str]
    body: bytes


class WebhookReceiver:
    """`good` answers 204; `late` answers 500 to the first attempt of each message; `hangs` not before the end."""

    def __init__(self, port: int, manner: Manner) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.released = threading.Event()
        self.arrived: list[Arrival] = []
        self._manner = manner

    def take(self, arrival: Arrival) -> int:
        """Keep an arrival and choose the status of its answer."""
        self.arrived.append(arrival)
        if self._manner == "hangs":
            self.released.wait(120)
        attempts = Counter(one.headers["webhook-id"] for one in self.arrived)
        return 500 if self._manner == "late" and attempts[arrival.headers["webhook-id"]] == 1 else 204


@contextmanager
def receiving(manner: Manner) -> Iterator[WebhookReceiver]:
    """A receiver on a free loopback port for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.take(Arrival(headers, body)))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Be quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Whoever waited for a hanging answer may be gone by then."""

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver = WebhookReceiver(server.server_port, manner)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.released.set()
            server.shutdown()
            thread.join()
