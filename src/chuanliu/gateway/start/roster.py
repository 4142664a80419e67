"""Who plays in the sandbox: merchants with all their keys, consumers with their pay passwords."""

from __future__ import annotations

import msgspec

from chuanliu.web import Credentials


class SandboxMerchant(msgspec.Struct, frozen=True):
    """A merchant of the sandbox. Its private keys are ours to show: it sells nothing real."""

    name: str
    credentials: Credentials


class SandboxConsumer(msgspec.Struct, frozen=True):
    """A consumer of the sandbox. `pay_password` has six digits."""

    user_id: str
    name: str
    pay_password: str

    @property
    def masked_name(self) -> str:
        """The name with its first character hidden, as wallets show it to others."""
        return "*" + self.name[1:]


class Roster(msgspec.Struct, frozen=True):
    """All of them. The start page shows the first merchant's keys; the first consumer's wallet pays for snippets."""

    merchants: tuple[SandboxMerchant, ...]
    consumers: tuple[SandboxConsumer, ...]
