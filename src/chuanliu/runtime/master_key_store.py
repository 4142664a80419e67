"""The master key file: what opens the secrets at rest. Whoever has the database without this file has no secret.

JSON: `current` names the key that seals, `keys` maps the name of each key to its 32 bytes in base64, `next` names the
one that is to be current after the next change. Older keys stay in the file for as long as something is sealed under
them. Processes read the file again when it has changed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import structlog

from chuanliu.crypto import MasterKey
from chuanliu.parties import KeysRead, ReadAgain, Vault
from chuanliu.runtime.start_errors import CannotStart

log = structlog.get_logger(__name__)

_SECRET_BYTES: Final = 32


class _MasterKeyFile(msgspec.Struct, frozen=True, omit_defaults=True):
    current: str
    keys: dict[str, str]
    next: str | None = None

    def prepared(self) -> _MasterKeyFile:
        """With a next key."""
        if self.next is not None:
            return self
        name, secret = _fresh_key()
        return msgspec.structs.replace(self, next=name, keys={**self.keys, name: secret})


def _fresh_key() -> tuple[str, str]:
    return f"master-{secrets.token_hex(4)}", b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _read(file: Path) -> tuple[_MasterKeyFile, os.stat_result] | None:
    """The file and what it was when it was read. Raises `CannotStart`."""
    try:
        with file.open("rb") as opened:
            state = os.fstat(opened.fileno())
            text = opened.read()
    except FileNotFoundError:
        return None
    except OSError as failure:
        raise CannotStart(f"cannot read the master key file {file}: {failure.strerror}") from failure
    if state.st_mode & 0o077:
        raise CannotStart(f"others may read the master key file {file}: run `chmod 600` on it")
    try:
        return msgspec.json.decode(text, type=_MasterKeyFile), state
    except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
        raise _damaged(file) from failure


def _damaged(file: Path) -> CannotStart:
    return CannotStart(f"the master key file {file} is damaged: restore it from its copy")


def _keys_of(file: Path, content: _MasterKeyFile) -> KeysRead:
    try:
        keys = {name: MasterKey(name, b64decode(secret, validate=True)) for name, secret in content.keys.items()}
        return KeysRead(keys[content.current], keys)
    except (ValueError, KeyError) as failure:
        raise _damaged(file) from failure


def _reader(file: Path, seen: os.stat_result) -> ReadAgain:
    """Reads the file again when it is another one than was seen."""

    def read_again() -> KeysRead | None:
        nonlocal seen
        try:
            now = file.stat()
            if (now.st_mtime_ns, now.st_ino, now.st_size) == (seen.st_mtime_ns, seen.st_ino, seen.st_size):
                return None
            found = _read(file)
            if found is None:
                return None
            content, seen = found
            return _keys_of(file, content)
        except (CannotStart, OSError) as failure:
            log.warning("the master key file cannot be read again", error=str(failure))
            return None

    return read_again


def open_vault(file: Path) -> Vault | None:
    """The vault under the file's keys, or None where there is no such file. Raises `CannotStart` for a file that is
    damaged, not readable, or readable for others than its owner.
    """
    found = _read(file)
    if found is None:
        return None
    content, state = found
    read = _keys_of(file, content)
    return Vault(read.current, read.keys, _reader(file, state))


def create_vault(file: Path) -> Vault:
    """The vault under the file's keys; a missing file is made with a fresh key, for its owner only.

    Of several processes that do this at once one makes the file and all read it. Raises `CannotStart`.
    """
    name, secret = _fresh_key()
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = _written_beside(file, _MasterKeyFile(name, {name: secret}))
        try:
            # A link appears whole or not at all, and never replaces a file that somebody else made meanwhile.
            with contextlib.suppress(FileExistsError):
                file.hardlink_to(fresh)
        finally:
            fresh.unlink()
    except OSError as failure:
        raise _cannot_write(file, failure) from failure
    vault = open_vault(file)
    if vault is None:
        raise CannotStart(f"the master key file {file} vanished while it was made")
    return vault


def prepare_master_key(file: Path) -> str:
    """Add the key that `change_master_key` will make current, unless one is there; its name. Raises `CannotStart`."""
    with _held(file) as content:
        prepared = content.prepared()
        if prepared is not content:
            _replace(file, prepared)
        return str(prepared.next)


def change_master_key(file: Path) -> str:
    """Make the prepared key, or a fresh one, the current one; its name. The older ones stay. Raises `CannotStart`."""
    with _held(file) as content:
        prepared = content.prepared()
        name = str(prepared.next)
        _replace(file, msgspec.structs.replace(prepared, current=name, next=None))
        return name


def forget_master_keys(file: Path, key_ids: Iterable[str]) -> None:
    """Take keys out of the file that nothing needs any more; never the current or the next. Raises `CannotStart`."""
    with _held(file) as content:
        gone = set(key_ids) - {content.current, content.next}
        kept = {name: secret for name, secret in content.keys.items() if name not in gone}
        _replace(file, msgspec.structs.replace(content, keys=kept))


class MasterKeyNames(msgspec.Struct, frozen=True):
    """What the file holds, by name. `changed_at_s` is when it was last written, in seconds since 1970."""

    current: str
    next: str | None
    older: tuple[str, ...]
    changed_at_s: float


def master_key_names(file: Path) -> MasterKeyNames:
    """The names of the file's keys. Raises `CannotStart` without the file."""
    found = _read(file)
    if found is None:
        raise CannotStart(f"there is no master key file {file}")
    content, state = found
    older = tuple(name for name in content.keys if name not in (content.current, content.next))
    return MasterKeyNames(content.current, content.next, older, state.st_mtime)


@contextmanager
def _held(file: Path) -> Iterator[_MasterKeyFile]:
    """The file's content, while nobody else changes it."""
    try:
        descriptor = os.open(file.with_name(f".{file.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as failure:
        raise _cannot_write(file, failure) from failure
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        found = _read(file)
        if found is None:
            raise CannotStart(f"there is no master key file {file}")
        content, _ = found
        _keys_of(file, content)
        yield content
    except OSError as failure:
        raise _cannot_write(file, failure) from failure
    finally:
        os.close(descriptor)


def _written_beside(file: Path, content: _MasterKeyFile) -> Path:
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        output.write(msgspec.json.encode(content))
        output.flush()
        os.fsync(output.fileno())
    return fresh


def _replace(file: Path, content: _MasterKeyFile) -> None:
    """Put new content in the file's place at once. On disk before this returns: secrets are sealed under it then."""
    owner = file.stat()
    fresh = _written_beside(file, content)
    if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(fresh, owner.st_uid, owner.st_gid)
    fresh.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _cannot_write(file: Path, failure: OSError) -> CannotStart:
    return CannotStart(f"cannot write the master key file {file}: {failure.strerror}")
