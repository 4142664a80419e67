"""A latency histogram of bounded size: whole microseconds in, percentiles out, relative error below 1/128."""

from __future__ import annotations

from collections.abc import Mapping

_EXACT = 256
_HALF_BITS = 7
_HALF = 1 << _HALF_BITS


def bucket_of(micros: int) -> int:
    """Bucket of a latency: exact below 256 µs, then 128 buckets for each doubling. Negative values count as zero."""
    if micros < _EXACT:
        return max(micros, 0)
    shift = micros.bit_length() - _HALF_BITS - 1
    return (shift << _HALF_BITS) + (micros >> shift)


def highest_in_bucket(bucket: int) -> int:
    """The largest latency in µs that falls into a bucket, so that percentiles err towards slower."""
    if bucket < _EXACT:
        return bucket
    shift = (bucket >> _HALF_BITS) - 1
    return (((bucket - (shift << _HALF_BITS)) + 1) << shift) - 1


class Histogram:
    """Counts per bucket; sparse, so it travels as a small JSON object and merges by addition."""

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: dict[int, int] = dict(counts or {})

    def record(self, micros: int) -> None:
        """Count one latency."""
        bucket = bucket_of(micros)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1

    def merge(self, other: Histogram) -> None:
        """Add another histogram's counts to this one."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count

    @property
    def total(self) -> int:
        """How many latencies were counted."""
        return sum(self.counts.values())

    def percentile_ms(self, percent: float) -> float | None:
        """Nearest-rank percentile in milliseconds; None when nothing was counted. `percent` in (0, 100]."""
        if not 0 < percent <= 100:
            raise ValueError("percent must be in (0, 100]")
        total = self.total
        if total == 0:
            return None
        rank = max(1, -int(-total * percent // 100))
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return highest_in_bucket(bucket) / 1000
        raise AssertionError("rank beyond the total")
