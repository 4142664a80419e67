"""What `pgbench` prints, read; and one real run."""

import pytest

from chuanliu.bench.yardstick_client import Yardstick, YardstickFailed, YardstickResult, find_pgbench, parse_pgbench

OUTPUT = """pgbench (18.1)
transaction type: <builtin: TPC-B (sort of)>
scaling factor: 20
query mode: prepared
number of clients: 16
number of threads: 2
maximum number of tries: 1
duration: 10 s
number of transactions actually processed: 33660
number of failed transactions: 0 (0.000%)
latency average = 4.753 ms
initial connection time = 12.001 ms
tps = 3366.011292 (without initial connection time)
"""


def test_rate_and_latency_are_read() -> None:
    assert parse_pgbench(OUTPUT) == YardstickResult(per_second=3366.011292, latency_ms=4.753)


@pytest.mark.parametrize(
    "output",
    [
        "",
        "pgbench: error: connection failed",
        OUTPUT.replace("tps =", "tps:"),
        OUTPUT.replace("failed transactions: 0 (0.000%)", "failed transactions: 3 (0.009%)"),
    ],
)
def test_anything_else_gives_no_rate(output: str) -> None:
    with pytest.raises(YardstickFailed):
        parse_pgbench(output)


def test_the_program_is_found() -> None:
    assert find_pgbench().name == "pgbench"


def test_less_than_a_second_is_refused(postgres_url: str) -> None:
    with pytest.raises(ValueError, match="one second"):
        Yardstick(postgres_url).measure(0)


@pytest.mark.long
def test_a_real_run(postgres_url: str) -> None:
    yardstick = Yardstick(postgres_url)
    try:
        yardstick.prepare()
        yardstick.prepare()
        assert yardstick.measure(1).per_second > 0
    finally:
        yardstick.drop()
