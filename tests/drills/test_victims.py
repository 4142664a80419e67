"""Who is killed: PostgreSQL's share, and processes by their titles."""

import pytest

from chuanliu.drill.victims import POSTGRES, choose_victims, processes_of

TITLES = [
    (1, "postgres: chuanliu: logger "),
    (2, "postgres: chuanliu: checkpointer performing shutdown checkpoint"),
    (3, "postgres: chuanliu: background writer "),
    (4, "postgres: chuanliu: walwriter "),
    (5, "postgres: chuanliu: chuanliu chuanliu [local] idle"),
    (6, "postgres: chuanliu: chuanliu chuanliu 127.0.0.1(40212) COMMIT"),
]


@pytest.mark.parametrize("banks", [False, True])
@pytest.mark.parametrize("count", range(1, 61))
def test_at_least_a_third_of_the_kills_meets_postgres(count: int, banks: bool) -> None:
    chosen = choose_victims(count, banks=banks)
    assert len(chosen) == count
    assert 3 * sum(victim in POSTGRES for victim in chosen) >= count


def test_a_full_drill_meets_everybody() -> None:
    assert set(choose_victims(6)) == {"gateway", "worker", "backend", "auxiliary", "postmaster", "supervisor"}


def test_banks_are_killed_where_they_pay() -> None:
    assert choose_victims(12, banks=True).count("banks") == 2
    assert "banks" not in choose_victims(60)


def test_a_server_that_is_not_ours_loses_sessions_only() -> None:
    assert set(choose_victims(30, own_server=False)) == {"gateway", "worker", "backend", "supervisor"}


def test_processes_are_told_by_their_titles() -> None:
    assert processes_of("backend", TITLES) == [5, 6]
    assert processes_of("auxiliary", TITLES) == [2, 4]
