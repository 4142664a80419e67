"""Splitting an amount so that the parts always sum to it."""

from __future__ import annotations

from collections.abc import Sequence


def split_by_weights(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Largest remainder (Hamilton) split of a non-negative total by non-negative weights.

    Parts sum to the total exactly; units left over go to the largest remainders, ties to the earlier position.
    Raises `ValueError` when no weight is positive.
    """
    weight_sum = sum(weights)
    if total_minor < 0 or weight_sum <= 0 or min(weights) < 0:
        raise ValueError("total and weights must not be negative, and one weight must be positive")
    parts = [total_minor * weight // weight_sum for weight in weights]
    remainders = [total_minor * weight % weight_sum for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for i in by_remainder[: total_minor - sum(parts)]:
        parts[i] += 1
    return parts
