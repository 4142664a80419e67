from chuanliu.connectors import Breaker


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker(failures_max=3, open_s=30, open_s_max=100)
    for _ in range(3):
        assert breaker.admit(now)
        breaker.failed(now)
    return breaker


def test_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(failures_max=3)
    for _ in range(10):
        breaker.failed(0)
        breaker.failed(0)
        breaker.succeeded()
    assert breaker.closed
    assert not opened().admit(29.9)


def test_one_probe_at_a_time_and_its_success_closes() -> None:
    breaker = opened()
    assert breaker.admit(30)
    assert not breaker.admit(30)
    breaker.succeeded()
    assert breaker.closed
    assert all(breaker.admit(30) for _ in range(5))


def test_failed_probes_double_the_wait_up_to_a_limit() -> None:
    breaker = opened()
    now = 0.0
    waits = []
    for _ in range(4):
        waits.append(breaker.reopens_at - now)
        now = breaker.reopens_at
        assert not breaker.admit(now - 0.001)
        assert breaker.admit(now)
        breaker.failed(now)
    assert waits == [30, 60, 100, 100]


def test_calls_that_were_under_way_when_it_opened_do_not_prolong_it() -> None:
    breaker = opened()
    for _ in range(20):
        breaker.failed(0)
    assert breaker.reopens_at == 30
    assert breaker.admit(30)


def test_an_abandoned_probe_leaves_the_next_to_probe() -> None:
    breaker = opened()
    assert breaker.admit(30)
    breaker.abandoned()
    assert breaker.admit(30)
