"""The file from which the bank simulator makes the sandbox's banks: ports, wires, and keys of credit pay."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

import msgspec

from chuanliu.connectors import BankListing, CreditPayKeys
from chuanliu.crypto import generate_key_pair, public_of_private
from chuanliu.gateway import Services
from chuanliu.parties import PLATFORM_KEY
from chuanliu.sandbox.banks import simulated_ends

BANK_KEY_ID: Final = "sandbox"
"""The id of the one key with which all simulated banks sign."""

_LISTING: Final = "sandbox-banks.json"
_JOURNAL: Final = "sandbox-banks.journal"


def listing_file(data: Path) -> Path:
    """Where the simulator finds its banks."""
    return data / _LISTING


def journal_file(data: Path) -> Path:
    """Where the simulator keeps its books."""
    return data / _JOURNAL


async def write_listing(services: Services, data: Path, banks_port: int) -> str:
    """Write the simulator's file, with the banks' key of an earlier run where there is one; returns its public half."""
    path = listing_file(data)
    private = _known_key(path) or (await asyncio.to_thread(generate_key_pair)).private
    platform_keys = {
        str(key.key_id): key.public_key
        for key in services.engine.reference.all(PLATFORM_KEY)
        if key.purpose == "signing"
    }
    keys = CreditPayKeys(key_id=BANK_KEY_ID, private_key=private, platform_keys=platform_keys)
    listings = [
        BankListing(
            code=end.code,
            protocol=end.protocol,
            port=end.port,
            credit_pay=keys if end.protocol == "credit-pay" else None,
        )
        for end in simulated_ends(banks_port)
    ]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(listings))
    return public_of_private(private)


def _known_key(path: Path) -> str | None:
    try:
        listings = msgspec.json.decode(path.read_bytes(), type=list[BankListing])
    except (OSError, msgspec.MsgspecError):
        return None
    return next((each.credit_pay.private_key for each in listings if each.credit_pay is not None), None)
