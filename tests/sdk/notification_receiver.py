"""A merchant's notification endpoint: a real little HTTP server that keeps what it was sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

DELIVERY_SECONDS_MAX = 20.0


class NotificationReceiver:
    """Answers every POST with `success` and every GET with a page, and remembers both."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._arrived = threading.Condition()
        self._forms: list[str] = []
        self._returns: list[str] = []
        self._checkout = ""

    def show(self, html: str) -> str:
        """Serve a page as the merchant's checkout and return its URL."""
        self._checkout = f"<!doctype html><meta charset=utf-8><title>checkout</title>{html}"
        return f"{self.url}/checkout"

    def page(self, target: str) -> bytes:
        """What the merchant's site answers to a GET."""
        if target == "/checkout":
            return self._checkout.encode()
        return b"<!doctype html><title>merchant</title><h1>Thank you</h1>"

    def posted(self, form: str) -> None:
        """Keep the body of a notification."""
        with self._arrived:
            self._forms.append(form)
            self._arrived.notify_all()

    def returned(self, target: str) -> None:
        """Keep the request target of a browser that came back."""
        with self._arrived:
            self._returns.append(target)
            self._arrived.notify_all()

    def notification(self, wanted: Callable[[dict[str, str]], bool]) -> str:
        """The urlencoded body of the first notification whose fields are wanted. Raises `TimeoutError`."""
        return self._await(self._forms, lambda form: wanted(dict(parse_qsl(form))), "notification")

    def returned_query(self, path: str) -> str:
        """The query string with which a browser came back to a path. Raises `TimeoutError`."""
        return self._await(self._returns, lambda target: target.startswith(f"{path}?"), "return").partition("?")[2]

    def _await(self, items: list[str], wanted: Callable[[str], bool], what: str) -> str:
        deadline = time.monotonic() + DELIVERY_SECONDS_MAX
        with self._arrived:
            while True:
                found = next((item for item in items if wanted(item)), None)
                if found is not None:
                    return found
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"no such {what} among {len(items)} in {DELIVERY_SECONDS_MAX} s")


@contextmanager
def receiving() -> Iterator[NotificationReceiver]:
    """A receiver on a free loopback port for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.posted(self.rfile.read(int(self.headers["content-length"])).decode())
            self._answer(b"success")

        def do_GET(self) -> None:
            receiver.returned(self.path)
            self._answer(receiver.page(self.path))

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Be quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = NotificationReceiver(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
