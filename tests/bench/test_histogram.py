"""Latency buckets lose less than 1/128, and percentiles are those of the sorted list up to that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.bench.histogram import Histogram, bucket_of, highest_in_bucket

latencies = st.integers(min_value=0, max_value=10**9)


@given(latencies)
def test_a_bucket_holds_its_latency_within_its_precision(micros: int) -> None:
    highest = highest_in_bucket(bucket_of(micros))
    assert micros <= highest <= micros + micros // 128 + 1
    assert bucket_of(highest) == bucket_of(micros)
    assert bucket_of(highest + 1) == bucket_of(micros) + 1


@given(st.lists(latencies, min_size=1), st.floats(min_value=0.1, max_value=100))
def test_percentiles_are_nearest_rank(micros: list[int], percent: float) -> None:
    histogram = Histogram()
    for one in micros:
        histogram.record(one)
    rank = max(1, -int(-len(micros) * percent // 100))
    exact = sorted(micros)[rank - 1]
    assert histogram.percentile_ms(percent) == highest_in_bucket(bucket_of(exact)) / 1000


@given(st.lists(latencies), st.lists(latencies))
def test_merging_adds(first: list[int], second: list[int]) -> None:
    apart, together = Histogram(), Histogram()
    other = Histogram()
    for micros in first:
        apart.record(micros)
    for micros in second:
        other.record(micros)
    apart.merge(other)
    for micros in first + second:
        together.record(micros)
    assert apart.counts == together.counts
    assert apart.total == len(first) + len(second)


def test_nothing_counted_has_no_percentile() -> None:
    assert Histogram().percentile_ms(50) is None


@pytest.mark.parametrize("percent", [0, -1, 100.1])
def test_percentiles_out_of_range_are_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="percent"):
        Histogram().percentile_ms(percent)
