"""The vault: opens what is sealed at rest, once per value, and keeps it in memory only."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from chuanliu.crypto import SEAL_RANDOMNESS, MasterKey, rewrap, seal, sealed_with, unseal
from chuanliu.engine import Reference
from chuanliu.parties.master_keys import MasterKeys, ReadAgain
from chuanliu.parties.tables import App, PlatformKey, WebhookEndpoint


class Vault:
    """Seals and opens secrets under the installation's master keys. `current` seals; older keys still open.

    `read_again` is asked before anything is sealed, and for a key that is not known.
    """

    def __init__(
        self,
        current: MasterKey,
        older: Mapping[str, MasterKey] | None = None,
        read_again: ReadAgain | None = None,
    ) -> None:
        self._masters = MasterKeys(current, older or {}, read_again)
        self._opened: dict[tuple[bytes, bytes], bytes] = {}
        self._snapshot: Reference | None = None
        self._memory: dict[Any, Any] = {}

    @property
    def _current(self) -> MasterKey:
        return self._masters.current

    @property
    def current_key_id(self) -> str:
        """The id of the master key that seals now."""
        self._masters.refresh()
        return self._current.key_id

    def memory_of(self, reference: Reference) -> dict[Any, Any]:
        """What look-ups made of this snapshot, emptied when another one comes: opened secrets live nowhere else."""
        if reference is not self._snapshot:
            self._snapshot = reference
            self._memory = {}
            self._opened.clear()
        return self._memory

    def can_open(self, sealed: bytes) -> bool:
        """Whether the master key that a sealed value needs is here."""
        return sealed_with(sealed) in self._masters

    def seal(self, secret: bytes, context: str, randomness: bytes) -> bytes:
        """Encrypt under the current master key. `context` names table, key and column: a value moved elsewhere stays
        shut.
        """
        if len(randomness) != SEAL_RANDOMNESS:
            raise ValueError("wrong amount of randomness")
        self._masters.refresh()
        return seal(secret, self._current, context.encode(), randomness)

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt. Raises `NotFound(key_not_found)` without its master key, `ValueError` when it was altered."""
        key = (sealed, context.encode())
        found = self._opened.get(key)
        if found is None:
            found = self._opened[key] = unseal(sealed, self._masters, context.encode())
        return found

    def open_once(self, sealed: bytes, context: str) -> bytes:
        """As `open`, without keeping what was opened: for what is many, and best in memory for a moment only."""
        return unseal(sealed, self._masters, context.encode())

    def rewrap(self, sealed: bytes, randomness: bytes) -> bytes:
        """The same secret under the current master key. Raises as `open` does."""
        self._masters.refresh()
        return rewrap(sealed, self._masters, self._current, randomness)

    def derived_key(self, purpose: str) -> bytes:
        """32 bytes for one purpose (such as signing cookies), the same in every process with this master key."""
        return _derived(self._current, purpose)

    def derived_keys(self, purpose: str) -> tuple[bytes, ...]:
        """As `derived_key`, of all master keys: the current one's first."""
        older = (master for key_id, master in sorted(self._masters.items()) if key_id != self._current.key_id)
        return tuple(_derived(master, purpose) for master in (self._current, *older))

    def platform_private_key(self, key: PlatformKey) -> str:
        """The private key (bare base64 PKCS#8) of a platform key."""
        return self.open(key.private_key_sealed, platform_key_context(key.key_id)).decode()

    def aes_key(self, app: App) -> str | None:
        """The app's content encryption key (base64 of 16 bytes), or None where it has none."""
        if app.aes_key_sealed is None:
            return None
        return self.open(app.aes_key_sealed, aes_key_context(app.app_id)).decode()

    def webhook_secrets(self, endpoint: WebhookEndpoint, now: int) -> list[str]:
        """The secrets (`whsec_…`) that sign for an endpoint: the current one, and the previous one in its overlap."""
        context = webhook_context(endpoint.endpoint_id)
        secrets = [self.open(endpoint.secret_sealed, context).decode()]
        if endpoint.previous_secret_sealed is not None and (endpoint.previous_valid_until or 0) > now:
            secrets.append(self.open(endpoint.previous_secret_sealed, context).decode())
        return secrets


def _derived(master: MasterKey, purpose: str) -> bytes:
    return hmac.digest(master.secret, f"chuanliu/{purpose}".encode(), "sha256")


def platform_key_context(key_id: int) -> str:
    """What a sealed platform key is bound to."""
    return f"platform_key/{key_id}/private_key"


def aes_key_context(app_id: int) -> str:
    """What a sealed content encryption key is bound to."""
    return f"app/{app_id}/aes_key"


def webhook_context(endpoint_id: int) -> str:
    """What a sealed webhook secret is bound to."""
    return f"webhook_endpoint/{endpoint_id}/secret"
