"""Several real processes at one door: they share connections out, and one that leaves is not noticed by any client."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chuanliu.serving import Board, Door, PlaceState

SERVER = """
import asyncio, os, signal, sys
import uvloop
from chuanliu.serving import Application, Door, Response, Router, serve

async def who(request):
    await asyncio.sleep(float(request.query_string.partition("=")[2] or 0))
    return Response.json({"pid": os.getpid()})

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    router = Router()
    router.add("GET", "/who", who)
    await serve(Application(router), "", 0, stop=stop, door=Door.inherited(sys.argv[1]))

asyncio.run(main()) if sys.argv[2] == "asyncio" else uvloop.run(main())
"""


@dataclass
class House:
    """A door, and processes at its places."""

    door: Door
    loop: str
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, *places: int) -> None:
        for place in places:
            self.door.board.enter(place, PlaceState.STARTING)
            self.processes[place] = subprocess.Popen(
                [sys.executable, "-c", SERVER, self.door.ticket(place), self.loop], pass_fds=self.door.descriptors
            )
        for place in places:
            until(lambda place=place: self.door.board.place(place).state is PlaceState.OPEN)  # type: ignore[misc]

    def leave(self, place: int) -> None:
        self.tell(place, signal.SIGTERM)

    def left(self, place: int) -> int:
        return self.processes.pop(place).wait(20)

    def tell(self, place: int, number: int) -> None:
        self.processes[place].send_signal(number)

    def connections(self) -> list[int]:
        return [one.connections for one in self.door.board.places().values() if one.is_counted_on]


def until(check: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@pytest.fixture(params=["uvloop", "asyncio"])
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    made = House(Door.make("127.0.0.1", 0, Board.create(tmp_path / "board")), request.param)
    yield made
    for process in made.processes.values():
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
    made.door.close()


class Client:
    """A connection that is kept alive; it counts how often it had to be opened."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.opened = 0

    async def ask(self, seconds: float = 0.0) -> int:
        """The process that answers. A failure is the test's."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            self.opened += 1
        reader, writer = self._streams
        writer.write(f"GET /who?s={seconds} HTTP/1.1\r\nhost: h\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        if b"connection: close" in head.lower():
            await self.close()
        return int(body.split(b":")[1].strip(b" }"))

    async def close(self) -> None:
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            await writer.wait_closed()


def test_nobody_notices_who_comes_and_goes(house: House) -> None:
    house.start(0, 1)

    async def story() -> None:
        clients = [Client(house.door.port) for _ in range(24)]
        running = True
        asked: Counter[int] = Counter()

        async def go_on(client: Client, number: int) -> None:
            while running:
                asked[await client.ask(0.03 if number % 3 == 0 else 0.0)] += 1
                await asyncio.sleep(0.0 if number % 2 else 0.01 * number)
                if number % 5 == 0:
                    await client.close()

        tasks = [asyncio.create_task(go_on(client, number)) for number, client in enumerate(clients)]
        for turn in range(4):
            await asyncio.sleep(0.3)
            house.leave(turn % 2)
            assert await asyncio.to_thread(house.left, turn % 2) == 0
            await asyncio.to_thread(house.start, turn % 2)
        await asyncio.sleep(0.8)
        running = False
        await asyncio.gather(*tasks)
        kept = [client for number, client in enumerate(clients) if number % 5]
        # Hardly any was ever told to close, far fewer than the connections that were moved.
        assert sum(client.opened - 1 for client in kept) <= len(kept)
        assert len(asked) == 6
        assert min(asked.values()) > 0
        for client in clients:
            await client.close()

    asyncio.run(story())


def test_idle_connections_go_on_with_another_process(house: House) -> None:
    house.start(0, 1)

    async def story() -> None:
        clients = [Client(house.door.port) for _ in range(20)]
        first = {await client.ask() for client in clients}
        assert len(first) == 2
        house.leave(0)
        assert await asyncio.to_thread(house.left, 0) == 0
        await asyncio.sleep(0.1)
        stayed = house.processes[1].pid
        assert {await client.ask() for client in clients} == {stayed}
        assert [client.opened for client in clients] == [1] * 20
        for client in clients:
            await client.close()

    asyncio.run(story())


def test_what_waits_at_the_door_is_answered_by_those_who_stay(house: House) -> None:
    house.start(0, 1)

    async def story() -> None:
        for place in (0, 1):
            house.tell(place, signal.SIGSTOP)
        clients = [Client(house.door.port) for _ in range(30)]
        asking = [asyncio.create_task(client.ask()) for client in clients]
        await asyncio.sleep(0.2)
        house.leave(0)
        for place in (0, 1):
            house.tell(place, signal.SIGCONT)
        assert len(await asyncio.gather(*asking)) == 30
        assert await asyncio.to_thread(house.left, 0) == 0
        for client in clients:
            await client.close()

    asyncio.run(story())


def test_connections_are_shared_out_and_a_newcomer_gets_its_part(house: House) -> None:
    house.start(0, 1)

    async def story() -> None:
        clients = [Client(house.door.port) for _ in range(48)]
        await asyncio.gather(*(client.ask(0.05) for client in clients))
        await asyncio.sleep(1.0)
        assert sum(house.connections()) == 48
        assert min(house.connections()) >= 15, house.connections()
        await asyncio.to_thread(house.start, 2)
        await asyncio.to_thread(until, lambda: min(house.connections()) >= 10)
        answered = Counter([await client.ask() for client in clients])
        assert len(answered) == 3
        assert [client.opened for client in clients] == [1] * 48
        for client in clients:
            await client.close()

    asyncio.run(story())


def test_the_last_one_answers_what_is_in_flight_and_what_waits_at_the_door(house: House) -> None:
    house.start(0)

    async def story() -> None:
        slow, late = Client(house.door.port), Client(house.door.port)
        running = asyncio.create_task(slow.ask(0.4))
        await asyncio.sleep(0.2)
        house.tell(0, signal.SIGSTOP)
        waiting = asyncio.create_task(late.ask())
        await asyncio.sleep(0.2)
        house.leave(0)
        house.tell(0, signal.SIGCONT)
        assert {await running, await waiting} == {house.processes[0].pid}
        await slow.close()
        await late.close()
        assert await asyncio.to_thread(house.left, 0) == 0

    asyncio.run(story())


def test_a_killed_process_is_no_longer_counted_on_and_others_take_its_part(house: House) -> None:
    house.start(0, 1)
    os.kill(house.processes[0].pid, signal.SIGKILL)

    async def story() -> None:
        clients = [Client(house.door.port) for _ in range(30)]
        began = time.monotonic()
        answers = await asyncio.gather(*(client.ask() for client in clients))
        assert set(answers) == {house.processes[1].pid}
        assert time.monotonic() - began < 10
        for client in clients:
            await client.close()

    asyncio.run(story())
    until(lambda: not house.door.board.place(0).is_counted_on)
