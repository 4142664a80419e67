"""The journal of simulated banks: a file of JSON lines that outlives `kill -9`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from chuanliu.connectors.simulated_bank import JournalLine
from chuanliu.errors import Invalid


class BankJournal:
    """Appends lines in one write each, which the operating system keeps when the process is killed.

    A last line that was not written whole is cut off. Raises `Invalid(invalid_parameter)` naming a line that cannot be
    read.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._encode = msgspec.json.Encoder().encode
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._cut_torn_line()

    def lines(self) -> Iterator[JournalLine]:
        """What was recorded so far, oldest first."""
        decode = msgspec.json.Decoder(JournalLine).decode
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield decode(line)
                except msgspec.MsgspecError as error:
                    raise Invalid(
                        "invalid_parameter", f"{self._path}, line {number}: {error}", field="journal"
                    ) from None

    def append(self, line: JournalLine) -> None:
        """Record one line."""
        os.write(self._file, self._encode(line) + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _cut_torn_line(self) -> None:
        content = self._path.read_bytes()
        if content and not content.endswith(b"\n"):
            os.ftruncate(self._file, content.rfind(b"\n") + 1)
