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
    return split_by_shares(total_minor, weights, weight_sum)


def split_by_shares(total_minor: int, weights: Sequence[int], weight_sum: int) -> list[int]:
    """As `split_by_weights`, for weights that are known to be sound and whose sum is known."""
    parts = [total_minor * weight // weight_sum for weight in weights]
    left = total_minor - sum(parts)
    if left:
        remainders = [total_minor * weight % weight_sum for weight in weights]
        if left == 1:
            parts[remainders.index(max(remainders))] += 1
            return parts
        for i in sorted(range(len(remainders)), key=remainders.__getitem__, reverse=True)[:left]:
            parts[i] += 1
    return parts
