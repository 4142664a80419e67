"""A door that several processes share: one listening socket, and a way to hand an open connection to another process.

With a listening socket each (SO_REUSEPORT) the kernel resets what waits in the queue of one that is closed. Here there
is one queue for all: who leaves just takes no more from it. Its idle connections it hands to those who stay
(SCM_RIGHTS), so that nobody's next request meets a closed one. Whoever has the fewest connections takes the next.
"""

from __future__ import annotations

import array
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from chuanliu.serving.board_server import Board, PlaceState

BACKLOG: Final = 2048
_DESCRIPTOR_BYTES: Final = array.array("i").itemsize


class Door:
    """Made by the process that starts the others, and inherited by them: `descriptors` go with a child, `ticket` tells
    it which they are and which place on the board is its own. `wait_s` is asked 20 times a second.
    """

    def __init__(
        self, listener: socket.socket, giving: socket.socket, taking: socket.socket, board: Board, place: int
    ) -> None:
        self.listener = listener
        self.board = board
        self.place = place
        self.wait_s: Callable[[], float] = lambda: 0.0
        self._giving = giving
        self._taking = taking
        for one in (listener, giving, taking):
            one.setblocking(False)

    @classmethod
    def make(cls, host: str, port: int, board: Board, backlog: int = BACKLOG) -> Self:
        """Listen on an IP address. Raises `OSError` where it is taken."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(backlog)
        except OSError:
            listener.close()
            raise
        giving, taking = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        return cls(listener, giving, taking, board, 0)

    @classmethod
    def inherited(cls, ticket: str) -> Self:
        """The door of the parent. Raises `OSError` or `ValueError` for a ticket that is none of this process."""
        listener, giving, taking, place, path = ticket.split(",", 4)
        ends = [socket.socket(fileno=int(each)) for each in (listener, giving, taking)]
        for one in ends:
            os.set_inheritable(one.fileno(), False)
        return cls(ends[0], ends[1], ends[2], Board(Path(path)), int(place))

    def ticket(self, place: int) -> str:
        """What a child needs to know."""
        return ",".join([*map(str, self.descriptors), str(place), str(self.board.path)])

    @property
    def descriptors(self) -> tuple[int, int, int]:
        """What a child inherits."""
        return self.listener.fileno(), self._giving.fileno(), self._taking.fileno()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.listener.getsockname()[1])

    @property
    def taking(self) -> int:
        """The descriptor that is readable while a handed connection waits."""
        return self._taking.fileno()

    def has_others(self) -> bool:
        """Whether another process takes connections."""
        return bool(self.board.connections_of_others(self.place))

    def give(self, descriptor: int) -> bool:
        """Hand an open connection to whoever takes it first. False where nobody is there, or too many wait."""
        if not self.has_others():
            return False
        try:
            self._giving.sendmsg([b"c"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))])
        except OSError:
            return False
        return True

    def take(self) -> socket.socket | None:
        """A connection that was handed over, or None when another process was quicker."""
        try:
            _, found, _, _ = self._taking.recvmsg(1, socket.CMSG_SPACE(_DESCRIPTOR_BYTES))
        except (BlockingIOError, InterruptedError):
            return None
        for level, kind, data in found:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS and len(data) >= _DESCRIPTOR_BYTES:
                [descriptor] = array.array("i", data[:_DESCRIPTOR_BYTES])
                return socket.socket(fileno=descriptor)
        return None

    def accept(self) -> socket.socket | None:
        """A new connection, or None when another process was quicker. Raises `OSError` without free descriptors."""
        try:
            return self.listener.accept()[0]
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return None

    def show(self, state: PlaceState) -> None:
        """Tell the others what this process does."""
        self.board.change(self.place, state)

    def shut(self) -> None:
        """Stop listening here; the other processes go on."""
        self.listener.close()

    def close(self) -> None:
        """Let go of everything."""
        for one in (self.listener, self._giving, self._taking):
            one.close()
        self.board.close()
