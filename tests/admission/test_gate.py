"""The gate of one process, with time passed in."""

from __future__ import annotations

import random

import pytest

from chuanliu.admission import DECAY_S, LEASE_S, Congestion, Gate, PoolSettings, Report, TenantSettings, Verdict, deal
from chuanliu.metering import TrafficClass

QUIET, NOISY = 2088_0000_0000_0001, 2088_0000_0000_0002
PAY, REFUND, QUERY, BATCH = TrafficClass
STEP = 0.05


def run(
    gate: Gate, settings: PoolSettings, seconds: int, offered: dict[tuple[int, TrafficClass], float], at: float = 0
) -> dict[tuple[int, TrafficClass], list[int]]:
    """Offer steady rates with a deal each second; admitted by tenant, class and second."""
    admitted = {key: [0] * seconds for key in offered}
    due = dict.fromkeys(offered, 0.0)
    for second in range(seconds):
        gate.adopt(deal(settings, {"p": gate.report(at + second)})["p"], at + second)
        for step in range(20):
            gate.tick(at + second + step * STEP)
            for (tenant_id, traffic_class), rate in offered.items():
                due[tenant_id, traffic_class] += rate * STEP
                while due[tenant_id, traffic_class] >= 1:
                    due[tenant_id, traffic_class] -= 1
                    if gate.decide(tenant_id, traffic_class) is Verdict.ADMITTED:
                        admitted[tenant_id, traffic_class][second] += 1
    return admitted


def test_a_tenant_at_its_promise_loses_nothing_to_one_that_sends_ten_times_its_own() -> None:
    settings = PoolSettings(500, {QUIET: TenantSettings(100), NOISY: TenantSettings(100)})
    admitted = run(Gate(), settings, 12, {(QUIET, PAY): 100, (NOISY, PAY): 1000})
    assert sum(admitted[QUIET, PAY][2:]) >= 999  # one more may come at the edge of the time that is looked at
    assert sum(admitted[NOISY, PAY][4:]) >= 0.97 * 3200  # the quiet one has saved up by then


def test_what_an_idle_tenant_does_not_use_is_used_by_others() -> None:
    settings = PoolSettings(500, {QUIET: TenantSettings(300, lendable_bps=0)})
    admitted = run(Gate(), settings, 12, {(NOISY, PAY): 2000})
    assert 0.97 * 5000 <= sum(admitted[NOISY, PAY][2:]) <= 1.02 * 5000


def test_payments_come_before_refunds_queries_and_batch() -> None:
    settings = PoolSettings(500, {})
    rates = {(NOISY, PAY): 300.0, (NOISY, REFUND): 100.0, (QUIET, QUERY): 2000.0, (QUIET, BATCH): 2000.0}
    admitted = run(Gate(), settings, 12, rates)
    totals = {key: sum(seconds[2:]) / 10 for key, seconds in admitted.items()}
    assert totals[NOISY, PAY] >= 299 and totals[NOISY, REFUND] >= 99
    assert totals[QUIET, BATCH] <= 0.1 * totals[QUIET, QUERY]
    assert sum(totals.values()) == pytest.approx(500, rel=0.04)


@pytest.mark.parametrize("load", [0.5, 8.0])
def test_many_small_tenants_lose_nothing_of_half_a_pool_and_gain_nothing_of_a_full_one(load: float) -> None:
    """Each asks once in several seconds, so that its share is dealt anew and in another class with every second."""
    tenants = {QUIET + number: TenantSettings(0.13, burst_per_s=2.2) for number in range(120)}
    limit, seconds, gates = 16, 60, (Gate(), Gate())
    settings, dice = PoolSettings(limit, tenants), random.Random(7)
    offered = admitted = 0
    for second in range(seconds):
        leases = deal(settings, {str(at): gate.report(second) for at, gate in enumerate(gates)})
        for at, gate in enumerate(gates):
            gate.adopt(leases[str(at)], second)
        for step in range(20):
            for gate in gates:
                gate.tick(second + step * STEP)
            for tenant_id in tenants:
                if dice.random() < load * limit / len(tenants) * STEP:
                    offered += 1
                    traffic_class = dice.choice((PAY, PAY, QUERY))
                    admitted += dice.choice(gates).decide(tenant_id, traffic_class) is Verdict.ADMITTED
    if load < 1:
        assert admitted >= 0.995 * offered
    else:
        # What had been saved up before the first second comes on top, once.
        assert 0.95 * limit * seconds <= admitted <= 1.05 * limit * seconds + 2 * 120


def test_a_payment_takes_what_was_kept_for_queries() -> None:
    gate = Gate()
    settings = PoolSettings(40, {QUIET: TenantSettings(20)})
    gate.adopt(deal(settings, {"p": Report({QUIET: (0, 0, 20, 0), NOISY: (1000, 0, 0, 0)})})["p"], 0.0)
    for step in range(40):
        gate.tick(step * STEP)
    while gate.decide(NOISY, PAY) is Verdict.ADMITTED:
        pass
    assert gate.decide(NOISY, PAY) is Verdict.OVER_SHARE
    assert gate.decide(QUIET, PAY) is Verdict.ADMITTED


def test_a_burst_limit_holds_while_the_pool_is_idle() -> None:
    settings = PoolSettings(1000, {NOISY: TenantSettings(burst_per_s=50)})
    admitted = run(Gate(), settings, 10, {(NOISY, PAY): 900})
    assert sum(admitted[NOISY, PAY][2:]) <= 8 * 50 + 25


def test_without_a_limit_everybody_is_let_in_and_counted() -> None:
    gate = Gate()
    assert gate.limit_per_s is None
    assert all(gate.decide(NOISY, PAY) is Verdict.ADMITTED for _ in range(10_000))
    assert gate.report(0.0).wants == {NOISY: (10_000, 0, 0, 0)}
    gate.adopt(deal(PoolSettings(None, {}), {"p": Report({})})["p"], 0.0)
    assert gate.decide(NOISY, PAY) is Verdict.ADMITTED


def test_without_new_leases_a_process_goes_on_and_ends_at_its_safe_share() -> None:
    gate = Gate()
    settings = PoolSettings(1000, {QUIET: TenantSettings(200)})
    reports = {"p": Report({NOISY: (5000, 0, 0, 0)}), **{name: Report({}) for name in "qrs"}}
    gate.adopt(deal(settings, reports)["p"], 0.0)
    full = gate.limit_per_s
    assert full is not None and full > 850
    gate.tick(LEASE_S)
    assert gate.limit_per_s == full
    gate.tick(LEASE_S + DECAY_S / 2)
    halfway = gate.limit_per_s
    assert halfway is not None and 250 < halfway < full
    gate.tick(LEASE_S + 2 * DECAY_S)
    assert gate.limit_per_s == pytest.approx(250)  # a quarter of the pool
    admitted = 0
    for step in range(200):
        gate.tick(100 + step * STEP)
        admitted += sum(gate.decide(QUIET, PAY) is Verdict.ADMITTED for _ in range(2))
        while gate.decide(NOISY, PAY) is Verdict.ADMITTED:
            pass
    assert admitted == 400  # its guarantee of 50/s in this process, and what is spare


def test_wants_follow_up_at_once_and_down_slowly_and_whoever_is_gone_is_forgotten() -> None:
    gate = Gate()
    for _ in range(100):
        gate.decide(NOISY, PAY)
    assert gate.report(1.0).wants[NOISY][0] == 100
    assert gate.report(2.0).wants[NOISY][0] == 80
    for second in range(3, 60):
        last = gate.report(second)
    assert last.wants == {}


def test_a_queue_that_never_empties_turns_later_classes_away_first_and_recovers() -> None:
    congestion, now = Congestion(), 0.0
    gate = Gate(congestion)

    def shed(traffic_class: TrafficClass) -> float:
        return sum(gate.decide(NOISY, traffic_class) is Verdict.OVERLOADED for _ in range(1000)) / 1000

    def go_on(wait: float, seconds: float) -> None:
        nonlocal now
        ends = now + seconds
        while now < ends:
            congestion.sample(wait, now)
            now += STEP

    go_on(0.1, 5.0)
    assert [shed(one) for one in TrafficClass] == [0, 0, 0, 0]
    go_on(0.5, 1.3)
    assert shed(PAY) == shed(REFUND) == 0 and shed(QUERY) < 1 and shed(BATCH) == 1
    go_on(0.5, 20.0)
    assert shed(PAY) == pytest.approx(0.9, abs=0.01) and shed(REFUND) == 1
    go_on(0.0, 5.0)
    assert [shed(one) for one in TrafficClass] == [0, 0, 0, 0]


def test_a_queue_that_empties_now_and_then_is_no_overload() -> None:
    congestion = Congestion()
    for step in range(200):
        congestion.sample(0.0 if step % 5 == 0 else 0.9, step * STEP)
    assert congestion.severity == 0


def test_who_could_only_be_answered_too_late_is_turned_away_at_once() -> None:
    congestion = Congestion()
    congestion.sample(1.5, 0.0)
    assert congestion.sheds(BATCH) and not congestion.sheds(QUERY)
    assert congestion.sheds(PAY, 1.0) and not congestion.sheds(PAY, 2.0)
