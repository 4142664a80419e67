"""What callers get when the platform cannot answer now."""

from __future__ import annotations

from pathlib import Path

import pytest
from native_platform import native_platform, order_body


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both installations have the one database, and therefore the one master key."""
    return tmp_path_factory.mktemp("native")


def test_who_must_wait_is_told_how_long(database_url: str, folder: Path) -> None:
    with native_platform(database_url, folder) as platform:
        merchant = platform.merchant()
        platform.run(platform.services.engine.close())
        for method, path, body in (
            ("POST", "/v1/orders", order_body(reference="late")),
            ("GET", "/v1/orders?reference=late", None),
        ):
            reply = platform.call(merchant, method, path, body)
            assert (reply.status, reply.code) == (503, "unavailable")
            assert reply.headers["retry-after"] == "2"
            assert reply.headers["x-request-id"]


def test_a_full_queue_is_told_at_once(database_url: str, folder: Path) -> None:
    with native_platform(database_url, folder, queue_max=8) as platform:
        merchant = platform.merchant()
        orders = [order_body(reference=f"full-{number}") for number in range(64)]
        replies = platform.run(platform.calling_at_once(merchant, "POST", "/v1/orders", orders))
        busy = [reply for reply in replies if reply.status != 201]
        assert busy
        assert {(reply.status, reply.code, reply.headers["retry-after"]) for reply in busy} == {(429, "busy", "1")}
        assert len(replies) - len(busy) >= 8
