"""Units out and back, again and again, while the load stays the same: what fails, and how long each takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, Final

from chuanliu.bench.admission_bench import payments_of
from chuanliu.bench.open_load_client import OpenPlan, Stream, StreamResult, run_open_load
from chuanliu.bench.platform_under_test import PlatformUnderTest
from chuanliu.clock import HOUR
from chuanliu.elastic import Wish, write_wish
from chuanliu.runtime import BOARD_FILE
from chuanliu.serving import Board, Figure

WORKERS: Final = 1
OUT: Final = 2
"""Units that come and go with each turn, beside those that are always there."""
_POP_S: Final = 60.0
_SETTLE_S: Final = 3.0
_LOOK_S: Final = 0.02

Progress = Callable[[str, int, float], None]


def measure_pops(
    platform: PlatformUnderTest, folder: Path, *, pops: int, seconds: float, per_s: float, progress: Progress | None
) -> dict[str, Any]:
    """Load for `seconds`: payments, queries on connections that are kept alive, on one connection each, and on
    connections that are idle for seconds. Meanwhile units come and go; turns count that ended before the load did.
    """
    streams = _streams(platform, folder, per_s, seconds)
    plan = OpenPlan(
        host=platform.host,
        port=platform.settings.port,
        seconds=seconds,
        warmup_seconds=1.0,
        streams=streams,
    )
    board = Board(platform.settings.data / BOARD_FILE)
    turns: list[tuple[float, float]] = []
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(run_open_load, plan)
        time.sleep(_SETTLE_S)
        while len(turns) < pops and not load.done():
            turn = _turn(platform, board)
            if not load.done():
                turns.append(turn)
                if progress is not None:
                    progress("out and back", len(turns), per_s)
        results = load.result()
    failed = board[Figure.FAILED_TOTAL]
    board.close()
    for stream in streams:
        Path(stream.spool_path).unlink()
    return _found(results, turns, failed)


def _turn(platform: PlatformUnderTest, board: Board) -> tuple[float, float]:
    """Seconds until the units serve, and until they are gone."""
    data = platform.settings.data
    began = time.monotonic()
    write_wish(data, Wish(at_least=WORKERS + OUT, until=time.time_ns() // 1000 + HOUR))
    _until(lambda: len(board.connections_of_others(-1)) == WORKERS + OUT)
    out_s = time.monotonic() - began
    time.sleep(1.0)  # they get their part of the connections
    began = time.monotonic()
    write_wish(data, Wish(at_least=0, until=0))
    _until(lambda: len(board.places()) == WORKERS)
    return out_s, time.monotonic() - began


def _until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _POP_S
    while not check() and time.monotonic() < deadline:
        time.sleep(_LOOK_S)


def _streams(platform: PlatformUnderTest, folder: Path, per_s: float, seconds: float) -> list[Stream]:
    payer, asker = platform.merchants[:2]
    rows = f"/v1/events?limit=1\t{asker.api_key}\n".encode()
    where = f"{platform.host}:{platform.settings.port}"
    head = f"GET %b HTTP/1.1\r\nhost: {where}\r\nauthorization: Bearer %b\r\n".encode()

    def queries(name: str, share: float, connections: int, end: bytes = b"\r\n") -> Stream:
        path = folder / f"{name}.spool"
        path.write_bytes(rows)
        return Stream(
            name=name, per_s=per_s * share, connections=connections, template=head + end, spool_path=str(path)
        )

    return [
        payments_of(platform, payer, "pay", per_s * 0.4, seconds + 1.0, folder),
        queries("kept", 0.3, 16),
        queries("single", 0.25, 16, b"connection: close\r\n\r\n"),
        queries("idle", 0.05, 60),
    ]


def _found(results: list[StreamResult], turns: list[tuple[float, float]], units_failed: int) -> dict[str, Any]:
    out, back = [turn[0] for turn in turns], [turn[1] for turn in turns]
    return {
        "turns": len(turns),
        "requests": sum(one.offered for one in results),
        "failed": sum(one.failed + one.unsent + one.refused + one.unopened for one in results),
        "lost": sum(one.failed + one.unopened for one in results),
        "units_failed": units_failed,
        "out_s": {"median": round(median(out or [0.0]), 2), "longest": round(max(out, default=0.0), 2)},
        "back_s": {"median": round(median(back or [0.0]), 2), "longest": round(max(back, default=0.0), 2)},
        "streams": {
            one.name: {
                "offered": one.offered,
                "answered": one.answered,
                "failed": one.failed,
                "unsent": one.unsent,
                "refused": one.refused,
                "unopened": one.unopened,
                "p50_ms": one.histogram.percentile_ms(50),
                "p99_ms": one.histogram.percentile_ms(99),
            }
            for one in results
        },
    }
