"""The master keys of an installation, which may change while a process runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from chuanliu.crypto import MasterKey


class KeysRead(NamedTuple):
    """What the key file says: the key that seals, and all by id."""

    current: MasterKey
    keys: Mapping[str, MasterKey]


ReadAgain = Callable[[], KeysRead | None]
"""The keys anew; None where they have not changed since the last time."""


class MasterKeys(Mapping[str, MasterKey]):
    """Keys by id. One that is not known is looked for again, for another process may have made it a moment ago."""

    def __init__(self, current: MasterKey, keys: Mapping[str, MasterKey], read_again: ReadAgain | None = None) -> None:
        self.current = current
        self._keys = {**keys, current.key_id: current}
        self._read_again = read_again

    def refresh(self) -> None:
        """Take over what has changed."""
        read = self._read_again() if self._read_again is not None else None
        if read is not None:
            self.current = read.current
            self._keys = {**read.keys, read.current.key_id: read.current}

    def __getitem__(self, key_id: str) -> MasterKey:
        if key_id not in self._keys:
            self.refresh()
        return self._keys[key_id]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._keys))

    def __len__(self) -> int:
        return len(self._keys)
