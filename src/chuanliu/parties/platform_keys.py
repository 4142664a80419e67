"""The platform's own keys: its certificate authority, and the key that signs answers and notifications."""

from __future__ import annotations

from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen, lock_reference, raise_version
from chuanliu.errors import ChuanliuError, NotFound, Refused
from chuanliu.ids import cell_of_party
from chuanliu.ledger import PLATFORM, SANDBOX, Chart, OpenAccount
from chuanliu.parties.key_material import NewPlatformKey
from chuanliu.parties.tables import KEYS_OF_PURPOSE, PLATFORM_KEY, PlatformKey

PLATFORM_CELL = cell_of_party(PLATFORM)


def read_signing_keys(keys: Keys) -> None:
    """To be called by `discover` of commands that give an app its platform key."""
    keys.read(KEYS_OF_PURPOSE, PLATFORM_CELL, "signing")


def current_signing_key(rows: Rows) -> PlatformKey:
    """The signing key that new apps get. Raises `NotFound(key_not_found)` before the platform has keys."""
    for key in rows.find(KEYS_OF_PURPOSE, PLATFORM_CELL, "signing"):
        if key.status == "current":
            return key
    raise NotFound("key_not_found", "the platform has no signing key yet")


def _stored(new: NewPlatformKey, purpose: str, context: Context, version: int) -> PlatformKey:
    return PlatformKey(
        PLATFORM_CELL,
        new.key_id,
        purpose,
        "current",
        new.private_key_sealed,
        new.public_key,
        new.certificate,
        new.cert_sn,
        context.now,
        version,
    )


class FoundPlatform(Command[bool], frozen=True):
    """Store the platform's first keys, unless somebody else was faster. The outcome tells whether these were taken."""

    root: NewPlatformKey
    issuing: NewPlatformKey
    signing: NewPlatformKey

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_reference(keys)
        read_signing_keys(keys)

    def decide(self, rows: Rows, context: Context) -> bool:
        if rows.find(KEYS_OF_PURPOSE, PLATFORM_CELL, "signing"):
            return False
        version = raise_version(rows)
        for purpose, key in (("root", self.root), ("issuing", self.issuing), ("signing", self.signing)):
            rows.insert(PLATFORM_KEY, _stored(key, purpose, context, version))
        return True


class RotatePlatformKey(Command[PlatformKey], frozen=True):
    """Make another key pair the current signing key.

    The former one goes on signing for the apps that were given it, until each moves over (`MoveToPlatformKey`).
    """

    signing: NewPlatformKey

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_reference(keys)
        read_signing_keys(keys)

    def decide(self, rows: Rows, context: Context) -> PlatformKey:
        former = current_signing_key(rows)
        version = raise_version(rows)
        rows.update(PLATFORM_KEY, former.changed(status="previous", version=version))
        key = _stored(self.signing, "signing", context, version)
        rows.insert(PLATFORM_KEY, key)
        return key


PLATFORM_ACCOUNTS = (
    OpenAccount(PLATFORM, Chart.PLATFORM_FEES, "CNY"),
    OpenAccount(PLATFORM, Chart.SUSPENSE, "CNY"),
    OpenAccount(SANDBOX, Chart.SANDBOX_FUNDING, "CNY"),
)
"""The platform's own accounts. Opening one that exists is refused with `account_exists`."""


def is_already_open(error: ChuanliuError) -> bool:
    """Whether opening an account failed only because it was opened before."""
    return isinstance(error, Refused) and error.code == "account_exists"
