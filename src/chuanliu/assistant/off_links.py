"""Links that turn reminders off by one tap, without signing in: opaque, and good for nothing else."""

from __future__ import annotations

import base64
import binascii

from chuanliu.errors import NotFound
from chuanliu.ids import is_party_number
from chuanliu.parties import Vault

_CONTEXT = "assistant/reminders-off"


def off_token(vault: Vault, consumer_id: int, randomness: bytes) -> str:
    """What the link carries; `randomness` is `SEAL_RANDOMNESS` fresh bytes."""
    sealed = vault.seal(str(consumer_id).encode(), _CONTEXT, randomness)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def consumer_of_token(vault: Vault, token: str) -> int:
    """Whose reminders a link turns off. Raises `NotFound(consumer_not_found)` for what is not a link of ours."""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        number = vault.open_once(sealed, _CONTEXT).decode()
    except (binascii.Error, ValueError, IndexError, NotFound):
        raise NotFound("consumer_not_found") from None
    if not is_party_number(number):
        raise NotFound("consumer_not_found")
    return int(number)
