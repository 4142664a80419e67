"""Asking a gateway whether it answers."""

from __future__ import annotations

import http.client

from chuanliu.runtime.settings import Settings


def gateway_answers(settings: Settings, within_s: float) -> bool:
    """Whether a gateway on the port of these settings says that it is healthy."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::", ""} else settings.host  # noqa: S104
    connection = http.client.HTTPConnection(host, settings.port, timeout=within_s)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
