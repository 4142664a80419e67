"""Pods as units, against a server that behaves as the API server and its controllers do. Time is the test's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chuanliu.elastic import Cluster, ClusterScaling, KubernetesUnits, Limits, Need, Phase, Seen
from chuanliu.elastic.kubernetes_simulator import SimulatedCluster, simulated_api_server
from chuanliu.errors import Unavailable

LIMITS = Limits(ask_s=20, start_s=30, drain_s=20, end_s=5)


class Clock:
    """Seconds by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def scaled(
    tmp_path: Path, **given: object
) -> Iterator[tuple[SimulatedCluster, KubernetesUnits, ClusterScaling, Clock]]:
    clock = Clock()
    cluster = SimulatedCluster(**{"start_s": 3.0, "stop_s": 2.0, **given}, clock=clock)  # type: ignore[arg-type]
    token = tmp_path / "token"
    token.write_text("token\n")
    with simulated_api_server(cluster) as url:
        units = KubernetesUnits(Cluster(url, token), "pay", "gate")
        yield cluster, units, ClusterScaling(units, LIMITS), clock
        units.close()


def wait(scaling: ClusterScaling, clock: Clock, wanted: int, seconds: int) -> None:
    scaling.publish(Need(wanted, wanted, 0, 0))
    for _ in range(seconds):
        scaling.step(clock.now)
        clock.now += 1.0


def test_pods_come_and_go(tmp_path: Path) -> None:
    with scaled(tmp_path) as (cluster, units, scaling, clock):
        wait(scaling, clock, 1, 5)
        assert (cluster.ready(), scaling.fleet.counts.asked) == (["gate-001"], 0)
        wait(scaling, clock, 4, 6)
        assert (len(cluster.ready()), cluster.replicas) == (4, 4)
        assert {units.pod_of(unit.name) for unit in scaling.fleet.of(Phase.READY)} == set(cluster.ready())
        wait(scaling, clock, 2, 1)
        chosen = {units.pod_of(unit.name) for unit in scaling.fleet.of(Phase.DRAINING)}
        wait(scaling, clock, 2, 5)
        assert (len(cluster.ready()), cluster.replicas, len(cluster.pods)) == (2, 2, 2)
        assert not chosen & set(cluster.pods)
        assert scaling.fleet.counts == (3, 4, 2, 0)


def test_a_pod_that_dies_is_replaced_once(tmp_path: Path) -> None:
    with scaled(tmp_path, replicas=3) as (cluster, _, scaling, clock):
        wait(scaling, clock, 3, 5)
        del cluster.pods["gate-002"]
        wait(scaling, clock, 3, 10)
        assert cluster.ready() == ["gate-001", "gate-003", "gate-004"]
        assert (cluster.replicas, scaling.fleet.counts.failed) == (3, 1)


def test_pods_that_never_serve_are_ended_and_asked_for_later_and_later(tmp_path: Path) -> None:
    with scaled(tmp_path) as (cluster, _, scaling, clock):
        wait(scaling, clock, 1, 5)
        cluster.stuck = True
        wait(scaling, clock, 2, 40)
        assert scaling.fleet.counts.failed == 1
        assert [unit.reason for unit in scaling.fleet.ended] == ["not ready within 30 s"]
        assert "gate-001" in cluster.pods
        assert cluster.replicas <= 2
        cluster.stuck = False
        wait(scaling, clock, 2, 45)
        assert len(cluster.ready()) == 2


def test_where_a_quota_allows_no_pod_the_ask_is_taken_back(tmp_path: Path) -> None:
    with scaled(tmp_path, quota=2) as (cluster, _, scaling, clock):
        wait(scaling, clock, 4, 10)
        assert (len(cluster.ready()), cluster.replicas) == (2, 4)
        wait(scaling, clock, 4, 12)
        assert cluster.replicas == 2
        assert {unit.reason for unit in scaling.fleet.ended} == {"not there within 20 s"}
        cluster.quota = 10
        wait(scaling, clock, 4, 40)
        assert (len(cluster.ready()), cluster.replicas) == (4, 4)


def test_where_the_cluster_lets_another_pod_go_none_is_ended_that_serves(tmp_path: Path) -> None:
    with scaled(tmp_path, replicas=4, heeds_cost=False) as (cluster, _, scaling, clock):
        wait(scaling, clock, 4, 5)
        for pod, made_at in zip(cluster.pods.values(), (4.0, 3.0, 2.0, 1.0), strict=True):
            pod.made_at = made_at  # the cluster takes the first, the fleet the last
        wait(scaling, clock, 3, 60)
        assert len(cluster.ready()) == 3
        assert cluster.replicas == 3
        assert scaling.fleet.counts.failed == 0
        assert sorted(cluster.pods) == sorted(cluster.ready())
        wait(scaling, clock, 4, 10)
        assert len(cluster.ready()) == 4


def test_what_others_do_to_the_scale_is_put_right(tmp_path: Path) -> None:
    with scaled(tmp_path) as (cluster, _, scaling, clock):
        wait(scaling, clock, 2, 6)
        cluster.replicas = 5
        wait(scaling, clock, 2, 12)
        assert (cluster.replicas, len(cluster.ready())) == (2, 2)
        cluster.replicas = 1
        wait(scaling, clock, 2, 15)
        assert (cluster.replicas, len(cluster.ready())) == (2, 2)


def test_a_drain_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with scaled(tmp_path, replicas=2, stop_s=1e9) as (cluster, _, scaling, clock):
        wait(scaling, clock, 2, 5)
        wait(scaling, clock, 1, 18)
        assert len(cluster.pods) == 2
        wait(scaling, clock, 1, 6)
        assert (len(cluster.pods), cluster.replicas, len(cluster.ready())) == (1, 1, 1)


def test_an_api_server_that_refuses_or_is_gone_changes_nothing(tmp_path: Path) -> None:
    with scaled(tmp_path) as (cluster, units, scaling, clock):
        wait(scaling, clock, 2, 6)
        cluster.token = "another"
        with pytest.raises(Unavailable, match="401"):
            units.seen()
        wait(scaling, clock, 5, 5)
        assert cluster.replicas == 2
        (tmp_path / "token").write_text("another")  # as the kubelet changes it
        wait(scaling, clock, 3, 6)
        assert len(cluster.ready()) == 3
        problems = {metric.name: metric for metric in scaling.collect()}["chuanliu_cluster_refusals"]
        assert problems.samples[0].value == 5
    wait(scaling, clock, 1, 3)
    assert len(scaling.fleet.of(Phase.READY)) == 3


def test_another_writer_of_the_scale_is_noticed(tmp_path: Path) -> None:
    with scaled(tmp_path) as (cluster, units, _, _clock):
        assert list(units.seen().values()) == [Seen.STARTING]
        cluster.others_write = True
        with pytest.raises(Unavailable, match="409"):
            units.ask()
        assert cluster.replicas == 1
