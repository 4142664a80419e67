"""What a receiver answers when it has taken a notification."""

from __future__ import annotations

from collections.abc import Callable

Acknowledgement = Callable[[int, bytes], bool]
"""From the status and the first bytes of the body (`delivery_client.BODY_BYTES_MAX` of them) to whether it took it."""


def alipay_acknowledged(status: int, body: bytes) -> bool:
    """Alipay open platform: HTTP 200 and the body `success`, white space around it apart."""
    return status == 200 and body.strip() == b"success"


def native_acknowledged(status: int, body: bytes) -> bool:
    """Standard Webhooks: any 2xx."""
    del body
    return 200 <= status < 300
