"""What the co-location benchmark makes of its samples."""

from __future__ import annotations

import psutil
import pytest

from chuanliu.bench.colocation_bench import Samples, give_way_ms, offline_share

MS = 1_000_000


def samples(backend_share: list[float], gateway_share: list[float]) -> Samples:
    """One sample each 5 ms; shares of a CPU in stretches of 100 ms."""
    found, backend, gateways = [(0.0, 0, 0)], 0.0, 0.0
    for at in range(20 * len(backend_share)):
        backend += backend_share[at // 20] * 5 * MS
        gateways += gateway_share[at // 20] * 5 * MS
        found.append(((at + 1) * 0.005, round(backend), round(gateways)))
    return found


@pytest.mark.parametrize(
    ("backend", "gateways", "ms"),
    [
        ([0.8] * 6 + [0.8, 0.0, 0.0, 0.0], [0.0] * 6 + [1.5] * 4, 110),
        ([0.8] * 6 + [0.8, 0.8, 0.8, 0.0, 0.0], [0.0] * 6 + [1.5] * 5, 310),
        ([0.8] * 6 + [0.8, 0.0, 0.8, 0.8, 0.0], [0.0] * 6 + [1.5] * 5, 110),
    ],
)
def test_giving_way_is_from_the_first_load_to_the_first_rest(
    backend: list[float], gateways: list[float], ms: float
) -> None:
    found = give_way_ms(samples(backend, gateways))
    assert found == pytest.approx(ms, abs=15)


@pytest.mark.parametrize(
    ("backend", "gateways"),
    [
        ([0.8] * 10, [0.0] * 6 + [1.5] * 4),
        ([0.8] * 10, [0.1] * 10),
        ([0.0] * 10, [0.0] * 6 + [1.5] * 4),
        ([], []),
    ],
    ids=["never rests", "no load", "was at rest before", "nothing"],
)
def test_what_was_not_seen_is_no_figure(backend: list[float], gateways: list[float]) -> None:
    assert give_way_ms(samples(backend, gateways)) is None


def test_a_machine_without_idle_time_gives_no_share() -> None:
    cores = psutil.cpu_count() or 1
    assert offline_share(0.3, 0.04 * cores * 10, 10.0) is None
    assert offline_share(3.0, 0.4 * cores * 10, 10.0) == round(3.0 / (4 * cores), 3)
