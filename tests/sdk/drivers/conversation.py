"""JSON lines between the tests and a driver: `{"call", "client", …}` in, `{"ok", "result"}` or `{"ok", "error"}` out.

Runs inside an SDK's environment, so it imports nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit


class Client(Protocol):
    """What a driver offers for one set of credentials."""

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Carry out one operation and return what the SDK returned, as JSON values."""


def reroute_web_ports(url: str) -> str:
    """Send this process's connections to port 80 to the URL's own port; return the URL without its port.

    The official SDK knows ports 80 and 443 only. Rerouting below it leaves the SDK itself as published.
    """
    parts = urlsplit(url)
    if parts.port in (None, 80):
        return url
    connect = socket.create_connection

    def rerouted(address: tuple[str, int], *rest: Any, **named: Any) -> socket.socket:
        host, port = address
        return connect((host, parts.port if (host, port) == (parts.hostname, 80) else port), *rest, **named)

    socket.create_connection = rerouted
    return url.replace(f":{parts.port}", "", 1)


def converse(open_client: Callable[[dict[str, Any]], Client]) -> None:
    """Answer calls until standard input ends. `open` makes a client from `config`; all other calls name one."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # What an SDK prints must not break the conversation.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    clients: dict[str, Client] = {}
    for line in sys.stdin:
        request = json.loads(line)
        name, key = request["call"], request["client"]
        try:
            if name == "open":
                clients[key] = open_client(request["config"])
                answer: dict[str, Any] = {"ok": True, "result": None}
            else:
                answer = {"ok": True, "result": clients[key].call(name, request["arguments"])}
        except Exception as error:
            answer = {"ok": False, "error": {"type": type(error).__name__, "message": str(error)}}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
