"""How one of several processes takes its part of the connections at a shared door, and gives them back in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from typing import Final, Protocol

import structlog

from chuanliu.serving.board_server import PlaceState
from chuanliu.serving.connection_server import HTTPConnection
from chuanliu.serving.door_server import Door

log = structlog.get_logger(__name__)

BEAT_S: Final = 0.05
_POLITE_S: Final = 0.002
"""So long a process leaves a new connection to others that have fewer; then it takes what is still there."""
_POLITE_HANDED_S: Final = 0.02
_AFTERWARDS: Final = 8
_FULL_S: Final = 0.2
_LEVEL_BEATS: Final = 5
_LEVEL_MAX: Final = 16


class Hall(Protocol):
    """What an intake needs of its server."""

    connections: set[HTTPConnection]
    connections_max: int


class Intake:
    """Takes connections while it is open. Who has many more than the others hands idle ones over, so that a process
    which has come lately takes part in connections that are kept alive.
    """

    def __init__(self, door: Door, hall: Hall, make: Callable[[], HTTPConnection]) -> None:
        self._door = door
        self._hall = hall
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._adopting: set[asyncio.Task[None]] = set()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._beats = 0
        self._due = self._loop.time()
        self._beating: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Take connections from now on."""
        self._beat()
        self._listen(self._door.listener.fileno(), self._on_new)
        self._listen(self._door.taking, self._on_handed)
        self._door.show(PlaceState.OPEN)

    async def leave(self) -> None:
        """Take no more. Where no other process is there, what waits at the door is taken in first."""
        self._door.show(PlaceState.LEAVING)
        for descriptor in (self._door.listener.fileno(), self._door.taking):
            self._loop.remove_reader(descriptor)
        for timer in self._timers.values():
            timer.cancel()
        if not self._door.has_others():
            while (found := self._door.accept() or self._door.take()) is not None:
                self._adopt(found)
        self._door.shut()
        while self._adopting:
            await asyncio.wait(set(self._adopting))

    def end(self) -> None:
        """This process has no connections any more."""
        if self._beating is not None:
            self._beating.cancel()

    def move(self, connection: HTTPConnection) -> bool:
        """Hand an idle connection to another process. False where it is not idle, or nobody takes it."""
        return connection.is_movable and connection.leave_by(self._door.give)

    def _listen(self, descriptor: int, react: Callable[[], None]) -> None:
        self._loop.add_reader(descriptor, react)

    @property
    def _count(self) -> int:
        return len(self._hall.connections) + len(self._adopting)

    def _is_crowded(self) -> bool:
        count = self._count
        self._door.board.count(self._door.place, count)
        others = self._door.board.connections_of_others(self._door.place)
        if not others:
            return False
        least = min(others)
        return count > least + 1 + least // 8

    def _on_new(self) -> None:
        descriptor = self._door.listener.fileno()
        if self._count >= self._hall.connections_max:
            self._pause(descriptor, _FULL_S, lambda: self._listen(descriptor, self._on_new))
        elif self._is_crowded():
            self._pause(descriptor, _POLITE_S, self._take_what_is_left)
        else:
            self._accept()

    def _take_what_is_left(self) -> None:
        self._listen(self._door.listener.fileno(), self._on_new)
        for _ in range(_AFTERWARDS):
            if not self._accept():
                break

    def _accept(self) -> bool:
        try:
            found = self._door.accept()
        except OSError as error:
            log.warning("no connection can be taken", error=str(error))
            descriptor = self._door.listener.fileno()
            self._pause(descriptor, _FULL_S, lambda: self._listen(descriptor, self._on_new))
            return False
        if found is not None:
            self._adopt(found)
        return found is not None

    def _on_handed(self) -> None:
        if self._is_crowded():
            self._pause(self._door.taking, _POLITE_HANDED_S, self._take_handed)
        else:
            self._take_handed()

    def _take_handed(self) -> None:
        found = self._door.take()
        if found is not None:
            self._adopt(found)
        self._listen(self._door.taking, self._on_handed)

    def _pause(self, descriptor: int, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(descriptor)
        self._timers[descriptor] = self._loop.call_later(seconds, then)

    def _adopt(self, found: socket) -> None:
        found.setblocking(False)
        task = self._loop.create_task(self._connect(found))
        self._adopting.add(task)
        task.add_done_callback(self._adopting.discard)

    async def _connect(self, found: socket) -> None:
        try:
            found.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(self._make, found)
        except OSError:
            found.close()  # the client has gone meanwhile

    def _beat(self) -> None:
        now = self._loop.time()
        wait_s = max(now - self._due, self._door.wait_s())
        self._door.board.beat(self._door.place, self._count, int(wait_s * 1e6))
        self._beats += 1
        if self._beats % _LEVEL_BEATS == 0:
            self._level()
        self._due = now + BEAT_S
        self._beating = self._loop.call_later(BEAT_S, self._beat)

    def _level(self) -> None:
        others = self._door.board.connections_of_others(self._door.place)
        if not others or self._door.board.place(self._door.place).state is not PlaceState.OPEN:
            return
        fair = (self._count + sum(others)) // (len(others) + 1)
        surplus = self._count - fair
        if surplus <= max(2, fair // 4):
            return
        left = min(surplus, _LEVEL_MAX)
        for connection in list(self._hall.connections):
            if left == 0:
                break
            left -= self.move(connection)
