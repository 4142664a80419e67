"""The open-loop generator against a server that refuses some, and the admission benchmarks at a small scale."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chuanliu.bench.open_load_client import OpenPlan, Stream, run_open_load
from chuanliu.cli import app

ANSWERS = {
    b"a": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
    b"r": b"HTTP/1.1 429 X\r\ncontent-length: 0\r\n\r\n",
}


def answer(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(4096):
            connection.sendall(ANSWERS[data[5:6]])


def listen(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def test_every_due_request_is_accounted_for(tmp_path: Path) -> None:
    spool = tmp_path / "rows"
    spool.write_bytes(b"a\nr\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, args=(listener,), daemon=True).start()
        stream = Stream(name="s", per_s=100, connections=2, template=b"GET /%b HTTP/1.1\r\n\r\n", spool_path=str(spool))
        plan = OpenPlan(
            host="127.0.0.1",
            port=listener.getsockname()[1],
            seconds=2,
            warmup_seconds=0.5,
            streams=[stream],
        )
        (result,) = run_open_load(plan)
    assert result.offered > 100
    assert result.offered == result.answered + result.refused + result.failed + result.unsent
    assert abs(result.answered - result.refused) <= 1 + result.failed + result.unsent
    assert sum(result.timeline) == result.answered == sum(result.latency.values())


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        ("admission",),
        ("noisy-neighbour", "--promise", "2", "--seconds", "3", "--pairs", "1"),
        ("overload", "--limit", "50", "--seconds", "4"),
    ],
    ids=lambda words: words[0],
)
def test_the_benchmarks_of_admission_run(words: tuple[str, ...], scratch: Path, postgres_url: str) -> None:
    argv = ["bench", *words, "--data", str(scratch / words[0]), "--database-url", postgres_url, "--json"]
    done = CliRunner().invoke(app, argv)
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["audit"] == "clean" and report["extras"]["goals"]
