"""The generator against real servers: a good one, and ones that refuse, break off, or answer in pieces."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from chuanliu.bench.http_framing import request_template
from chuanliu.bench.load_client import LoadFailed, LoadPlan, LoadProcess, run_load

TEMPLATE = request_template("POST", "/%b", "localhost", [("content-length", "0")], "")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    path = tmp_path / "spool"
    path.write_bytes(b"".join(b"%d\n" % number for number in range(200_000)))
    return path


@pytest.fixture
def null_port() -> Iterator[int]:
    program = "from chuanliu.bench.null_server import main; main()"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.kill()
    process.communicate()


@contextmanager
def scripted(answer: Callable[[int, socket.socket], bool]) -> Iterator[int]:
    """A server that calls `answer(request number of the connection, socket)`; False closes the connection."""

    def converse(peer: socket.socket) -> None:
        with peer:
            number = 0
            while peer.recv(65536) and answer(number, peer):
                number += 1

    def accept() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=converse, args=[peer], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def plan(port: int, spool: Path, *, connections: int = 4, seconds: float = 0.5, marker: bytes = b"") -> LoadPlan:
    return LoadPlan(
        host="127.0.0.1",
        port=port,
        connections=connections,
        seconds=seconds,
        warmup_seconds=0.1,
        template=TEMPLATE,
        spool_path=str(spool),
        accepted_marker=marker,
    )


def test_a_closed_loop_counts_what_it_sends(null_port: int, spool: Path) -> None:
    result = run_load(plan(null_port, spool))
    assert result.accepted == result.outcomes["accepted"] == result.histogram.total > 0
    assert result.accepted_ever >= result.accepted
    sent = spool.read_bytes()[: result.spool_offset].count(b"\n")
    assert sent == result.accepted_ever + result.unknown
    assert not result.exhausted
    assert result.samples == {}


def test_a_used_up_spool_ends_the_run(null_port: int, tmp_path: Path) -> None:
    spool = tmp_path / "short"
    spool.write_bytes(b"1\n2\n3\n")
    result = run_load(plan(null_port, spool, seconds=60))
    assert result.exhausted
    assert result.accepted_ever == 3
    assert result.seconds < 30


def test_a_window_can_last_to_the_last_answer(tmp_path: Path) -> None:
    spool = tmp_path / "short"
    spool.write_bytes(b"1\n2\n3\n4\n")

    def answer(_: int, peer: socket.socket) -> bool:
        time.sleep(0.2)
        peer.sendall(OK)
        return True

    with scripted(answer) as port:
        to_the_end = msgspec.structs.replace(plan(port, spool, seconds=60), warmup_seconds=0.0, to_the_end=True)
        result = run_load(to_the_end)
    assert (result.accepted, result.accepted_ever) == (4, 4)
    assert result.seconds >= 0.2


def test_a_run_goes_on_where_another_ended(null_port: int, tmp_path: Path) -> None:
    spool = tmp_path / "short"
    spool.write_bytes(b"1\n2\n3\n")
    again = LoadPlan(
        host="127.0.0.1",
        port=null_port,
        connections=1,
        seconds=5,
        template=TEMPLATE,
        spool_path=str(spool),
        spool_offset=4,
    )
    assert run_load(again).accepted_ever == 1


def test_refusals_are_counted_and_shown(spool: Path) -> None:
    refusal = b"HTTP/1.1 422 No\r\ncontent-length: 6\r\n\r\nbroken"

    def answer(number: int, peer: socket.socket) -> bool:
        peer.sendall(refusal if number % 2 else OK)
        return True

    with scripted(answer) as port:
        result = run_load(plan(port, spool))
    assert result.outcomes["422"] > 0
    assert result.accepted > 0
    assert "broken" in result.samples["422"][0]


def test_a_response_without_the_marker_is_not_accepted(null_port: int, spool: Path) -> None:
    result = run_load(plan(null_port, spool, marker=b'"code":"10000"'))
    assert result.accepted_ever == 0
    assert result.outcomes["200"] > 0


def test_a_connection_that_breaks_leaves_an_unknown_request_and_is_opened_again(spool: Path) -> None:
    def answer(number: int, peer: socket.socket) -> bool:
        if number < 3:
            peer.sendall(OK)
        return number < 3

    with scripted(answer) as port:
        result = run_load(plan(port, spool, connections=2))
    assert result.unknown > 1
    assert result.accepted_ever > 3 * 2
    sent = spool.read_bytes()[: result.spool_offset].count(b"\n")
    assert sent == result.accepted_ever + result.unknown


def test_a_response_may_come_in_pieces(spool: Path) -> None:
    def answer(_: int, peer: socket.socket) -> bool:
        for byte in (OK[:10], OK[10:30], OK[30:-1], OK[-1:]):
            peer.sendall(byte)
        return True

    with scripted(answer) as port:
        result = run_load(plan(port, spool, connections=1))
    assert result.accepted > 0
    assert result.outcomes == {"accepted": result.accepted}


def test_a_server_that_is_not_there_accepts_nothing(spool: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = run_load(plan(port, spool))
    assert result.accepted_ever == result.unknown == 0
    assert result.outcomes["connection_refused"] > 0


def test_a_generator_that_cannot_start_says_why(null_port: int, tmp_path: Path) -> None:
    with pytest.raises(LoadFailed, match="no-spool"):
        run_load(plan(null_port, tmp_path / "no-spool"))


def test_a_generator_can_be_stopped(null_port: int, spool: Path) -> None:
    process = LoadProcess(plan(null_port, spool, seconds=60))
    assert process.is_running
    process.stop()
    assert not process.is_running
