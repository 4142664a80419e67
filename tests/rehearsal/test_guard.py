"""When a rehearsal stops for the sake of real tenants."""

from __future__ import annotations

import pytest

from chuanliu.metering import MeteredRow, TrafficClass
from chuanliu.rehearsal import Guard, Limits, RealView, real_view
from chuanliu.rehearsal.guard import LOOKS, quantile_s
from chuanliu.serving import LATENCY_BUCKETS_S

REAL, CASHIER, SHADOW = 2088_0000_0000_1001, 1, 2088_9000_0000_0001
BUCKETS = len(LATENCY_BUCKETS_S) + 1


def row(tenant: int, offered: int, rejected: int, bucket: int = 3) -> MeteredRow:
    answered = offered - rejected
    latency = tuple(answered if at == bucket else 0 for at in range(BUCKETS))
    return MeteredRow(0, tenant, TrafficClass.PAY, offered, answered, answered, rejected, 0, latency)


def test_only_real_tenants_are_seen() -> None:
    view = real_view([row(REAL, 10, 1), row(CASHIER, 5, 0), row(SHADOW, 1000, 900)])
    assert (view.offered, view.rejected, view.answered) == (15, 1, 14)
    assert view.p95_s == pytest.approx(0.005 + 0.005 * 0.95)
    assert real_view([]).p95_s is None


def test_quantiles_are_even_within_a_bucket() -> None:
    counts = [0] * BUCKETS
    counts[0], counts[5] = 50, 50
    assert quantile_s(counts, 0.5) == pytest.approx(0.001)
    assert quantile_s(counts, 0.75) == pytest.approx(0.0375)
    assert quantile_s([0] * (BUCKETS - 1) + [1], 0.5) == LATENCY_BUCKETS_S[-1]


BEFORE = RealView(offered=100, rejected=2, answered=98, p95_s=0.1)


@pytest.mark.parametrize(
    ("now", "suffers"),
    [
        (RealView(offered=100, rejected=2, answered=98, p95_s=0.1), False),
        (RealView(offered=100, rejected=4, answered=96, p95_s=0.1), True),
        (RealView(offered=100, rejected=3, answered=97, p95_s=0.29), False),
        (RealView(offered=100, rejected=2, answered=98, p95_s=0.31), True),
        (RealView(offered=9, rejected=9, answered=0), False),
        (RealView(), False),
    ],
)
def test_it_stops_after_some_bad_looks_in_a_row(now: RealView, suffers: bool) -> None:
    guard = Guard(BEFORE, Limits())
    found = [guard.look(now) for _ in range(LOOKS)]
    assert found[:-1] == [None] * (LOOKS - 1)
    assert (found[-1] is not None) is suffers


def test_a_good_look_begins_anew() -> None:
    guard = Guard(BEFORE, Limits())
    bad = RealView(offered=100, rejected=50, answered=50, p95_s=0.1)
    looks = [bad, bad, BEFORE, bad, bad]
    assert [guard.look(one) for one in looks] == [None] * 5
    assert guard.look(bad) is not None


def test_what_was_slow_before_may_stay_so_and_what_was_not_seen_counts_as_fast() -> None:
    slow = RealView(offered=100, answered=100, p95_s=0.5)
    assert all(Guard(slow, Limits()).look(RealView(offered=50, answered=50, p95_s=1.4)) is None for _ in range(5))
    unseen = Guard(RealView(), Limits())
    late = RealView(offered=50, answered=50, p95_s=0.8)
    assert [unseen.look(late) is None for _ in range(LOOKS)] == [True] * (LOOKS - 1) + [False]
