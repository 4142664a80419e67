"""The roster's file, and merchants' systems that meet no gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chuanliu.gateway.start import ROSTER_FILE, Roster, SandboxConsumer, SandboxMerchant, read_roster, write_roster
from chuanliu.sandbox.gateway_client import GatewayAway, GatewayClient
from chuanliu.web import Credentials

ROSTER = Roster(
    (SandboxMerchant("川流茶铺", Credentials("2021", "2088", "pkcs8", "pkcs1", "public", "cl_key")),),
    (SandboxConsumer("2088000000000101", "林晓月", "012345"),),
)


def test_written_for_its_owner_only_and_read_back(tmp_path: Path) -> None:
    assert read_roster(tmp_path) is None
    for _ in range(2):
        write_roster(tmp_path, ROSTER)
        assert read_roster(tmp_path) == ROSTER
        assert (tmp_path / ROSTER_FILE).stat().st_mode & 0o777 == 0o600
    assert ROSTER.consumers[0].masked_name == "*晓月"


@pytest.mark.parametrize("text", ["", "{}", '{"merchants": 1}', "not JSON"])
def test_a_damaged_file_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ROSTER_FILE).write_text(text)
    assert read_roster(tmp_path) is None


def test_nobody_at_the_other_end_is_said_as_such(free_port: int) -> None:
    async def knock() -> None:
        async with GatewayClient(f"http://127.0.0.1:{free_port}") as gateway:
            await gateway.get("/healthz")

    with pytest.raises(GatewayAway):
        asyncio.run(knock())
