"""What a refund takes off a plan's instalments, and what it finds to have been paid too much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chuanliu.money import split_by_weights


class Reduced(NamedTuple):
    """The instalments after a cut. `overpaid_minor` is what had been repaid of the part that was cut."""

    principals: tuple[int, ...]
    fees: tuple[int, ...]
    repaid: tuple[int, ...]
    overpaid_minor: int


def _cut_from_the_last(amounts: list[int], room: Sequence[int], cut: int) -> int:
    """Take up to `cut`, latest instalment first, from each at most its room; returns what found none."""
    for i in reversed(range(len(amounts))):
        part = min(amounts[i], max(room[i], 0), cut)
        amounts[i] -= part
        cut -= part
        if not cut:
            break
    return cut


def _cut_evenly(amounts: list[int], room: Sequence[int], cut: int) -> int:
    """Take up to `cut` in proportion to each instalment's room; returns what found none."""
    weights = [min(amount, max(free, 0)) for amount, free in zip(amounts, room, strict=True)]
    total = sum(weights)
    part = min(cut, total)
    if not part:
        return cut
    # Largest remainder never gives an instalment more than its weight when the part is at most their sum.
    for i, share in enumerate(split_by_weights(part, weights)):
        amounts[i] -= share
    return cut - part


def reduce_instalments(
    principals: Sequence[int],
    fees: Sequence[int],
    repaid: Sequence[int],
    principal_cut_minor: int,
    fee_cut_minor: int,
    policy: str,
    billed: int = 0,
) -> Reduced:
    """Cut principal and fee by exactly these amounts, first from what is neither billed nor repaid.

    Then what is billed and unpaid is cut, last what is repaid: that much the consumer gets back. The first `billed`
    instalments count as billed. `policy` is evenly or from-the-last. Cuts are at most the sums of `principals` and of
    `fees`.
    """
    if not 0 <= principal_cut_minor <= sum(principals) or not 0 <= fee_cut_minor <= sum(fees):
        raise ValueError("a cut larger than what is there")
    count = len(principals)
    new_principals, new_fees, new_repaid = list(principals), list(fees), list(repaid)
    cut = _cut_evenly if policy == "evenly" else _cut_from_the_last

    def unpaid() -> list[int]:
        return [p + f - r for p, f, r in zip(new_principals, new_fees, new_repaid, strict=True)]

    for amounts, wanted in ((new_principals, principal_cut_minor), (new_fees, fee_cut_minor)):
        left = wanted
        to_come = [0 if i < billed else free for i, free in enumerate(unpaid())]
        left = cut(amounts, to_come, left) if left else 0
        left = _cut_from_the_last(amounts, unpaid(), left) if left else 0
        if left:
            _cut_from_the_last(amounts, amounts[:], left)
    overpaid = 0
    for i in range(count):
        excess = new_repaid[i] - new_principals[i] - new_fees[i]
        if excess > 0:
            new_repaid[i] -= excess
            overpaid += excess
    return Reduced(tuple(new_principals), tuple(new_fees), tuple(new_repaid), overpaid)


def repay_oldest_first(
    principals: Sequence[int], fees: Sequence[int], repaid: Sequence[int], amount_minor: int
) -> tuple[int, ...]:
    """What is repaid of each instalment after a repayment of at most what is outstanding."""
    new_repaid = list(repaid)
    left = amount_minor
    for i in range(len(principals)):
        part = min(left, principals[i] + fees[i] - new_repaid[i])
        new_repaid[i] += part
        left -= part
    if left:
        raise ValueError("a repayment larger than what is outstanding")
    return tuple(new_repaid)
