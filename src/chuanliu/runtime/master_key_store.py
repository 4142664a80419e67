"""The master key file: what opens the secrets at rest. Whoever has the database without this file has no secret.

JSON: `current` names the key that seals, `keys` maps the name of each key to its 32 bytes in base64. Older keys stay in
the file for as long as something is sealed under them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Final

import msgspec

from chuanliu.crypto import MasterKey
from chuanliu.parties import Vault
from chuanliu.runtime.start_errors import CannotStart

_SECRET_BYTES: Final = 32


class _MasterKeyFile(msgspec.Struct, frozen=True):
    current: str
    keys: dict[str, str]


def open_vault(file: Path) -> Vault | None:
    """The vault under the file's keys, or None where there is no such file. Raises `CannotStart` for a file that is
    damaged, not readable, or readable for others than its owner.
    """
    try:
        with file.open("rb") as opened:
            readable_by = os.fstat(opened.fileno()).st_mode & 0o077
            text = opened.read()
    except FileNotFoundError:
        return None
    except OSError as failure:
        raise CannotStart(f"cannot read the master key file {file}: {failure.strerror}") from failure
    if readable_by:
        raise CannotStart(f"others may read the master key file {file}: run `chmod 600` on it")
    try:
        content = msgspec.json.decode(text, type=_MasterKeyFile)
        keys = {name: MasterKey(name, b64decode(secret, validate=True)) for name, secret in content.keys.items()}
        return Vault(keys[content.current], keys)
    except (msgspec.MsgspecError, ValueError, KeyError) as failure:
        raise CannotStart(f"the master key file {file} is damaged: restore it from its copy") from failure


def create_vault(file: Path) -> Vault:
    """The vault under the file's keys; a missing file is made with a fresh key, for its owner only.

    Of several processes that do this at once one makes the file and all read it. Raises `CannotStart`.
    """
    name = f"master-{secrets.token_hex(4)}"
    content = _MasterKeyFile(name, {name: b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()})
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as output:
            output.write(msgspec.json.encode(content))
            output.flush()
            os.fsync(output.fileno())
        try:
            # A link appears whole or not at all, and never replaces a file that somebody else made meanwhile.
            with contextlib.suppress(FileExistsError):
                file.hardlink_to(fresh)
        finally:
            fresh.unlink()
    except OSError as failure:
        raise CannotStart(f"cannot write the master key file {file}: {failure.strerror}") from failure
    vault = open_vault(file)
    if vault is None:
        raise CannotStart(f"the master key file {file} vanished while it was made")
    return vault
