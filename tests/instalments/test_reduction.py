"""What refunds and repayments make of a plan's instalments: exact, never negative, nobody's money lost."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.instalments import reduce_instalments, repay_oldest_first

POLICIES = ("from-the-last", "evenly")


class Cut(NamedTuple):
    """A plan, partly repaid and partly billed, and what is to be cut from it."""

    principals: tuple[int, ...]
    fees: tuple[int, ...]
    repaid: tuple[int, ...]
    principal_cut: int
    fee_cut: int
    billed: int

    def reduce(self, policy: str) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]:
        return reduce_instalments(
            self.principals,
            self.fees,
            self.repaid,
            self.principal_cut,
            self.fee_cut,
            policy,  # type: ignore[arg-type]
            self.billed,
        )


@st.composite
def cuts(draw: st.DrawFn) -> Cut:
    count = draw(st.integers(1, 24))
    amounts = st.lists(st.integers(0, 5_000), min_size=count, max_size=count)
    principals, fees = draw(amounts), draw(amounts)
    owed = [principal + fee for principal, fee in zip(principals, fees, strict=True)]
    if draw(st.booleans()):
        repaid = list(repay_oldest_first(principals, fees, [0] * count, draw(st.integers(0, sum(owed)))))
    else:
        repaid = [draw(st.integers(0, most)) for most in owed]
    return Cut(
        tuple(principals),
        tuple(fees),
        tuple(repaid),
        draw(st.integers(0, sum(principals))),
        draw(st.integers(0, sum(fees))),
        draw(st.integers(0, count)),
    )


@pytest.mark.parametrize("policy", POLICIES)
@given(cut=cuts())
def test_a_cut_is_exact_and_gives_back_what_was_repaid_of_it(policy: str, cut: Cut) -> None:
    principals, fees, repaid, overpaid = cut.reduce(policy)
    assert sum(principals) == sum(cut.principals) - cut.principal_cut
    assert sum(fees) == sum(cut.fees) - cut.fee_cut
    for before, after in ((cut.principals, principals), (cut.fees, fees)):
        assert all(0 <= new <= old for old, new in zip(before, after, strict=True))
    assert all(0 <= paid <= p + f for paid, p, f in zip(repaid, principals, fees, strict=True))
    assert overpaid == sum(cut.repaid) - sum(repaid)
    assert 0 <= overpaid <= cut.principal_cut + cut.fee_cut


@pytest.mark.parametrize("policy", POLICIES)
@given(cut=cuts())
def test_what_is_repaid_comes_back_only_when_nothing_unpaid_is_left_to_cut(policy: str, cut: Cut) -> None:
    principals, fees, repaid, overpaid = cut.reduce(policy)
    unpaid = sum(principals) + sum(fees) - sum(repaid)
    of_principal_only = sum(cut.fees) == 0 or sum(cut.principals) == 0
    assert not (overpaid and unpaid and of_principal_only)


@pytest.mark.parametrize("policy", POLICIES)
@given(cut=cuts())
def test_what_is_billed_is_cut_last(policy: str, cut: Cut) -> None:
    fresh = cut._replace(repaid=(0,) * len(cut.repaid))
    principals, _, _, _ = fresh.reduce(policy)
    to_come = sum(fresh.principals[fresh.billed :])
    assert sum(principals[: fresh.billed]) == sum(fresh.principals[: fresh.billed]) - max(
        0, fresh.principal_cut - to_come
    )


@given(cut=cuts())
def test_from_the_last_leaves_the_earlier_instalments_alone(cut: Cut) -> None:
    fresh = cut._replace(repaid=(0,) * len(cut.repaid), billed=0)
    principals, _, _, _ = fresh.reduce("from-the-last")
    touched = [place for place, old in enumerate(fresh.principals) if principals[place] != old]
    assert not touched or not any(principals[touched[0] + 1 :])


@given(cut=cuts())
def test_evenly_keeps_the_shape_of_the_plan(cut: Cut) -> None:
    fresh = cut._replace(repaid=(0,) * len(cut.repaid), billed=0)
    principals, _, _, _ = fresh.reduce("evenly")
    whole = sum(fresh.principals)
    for old, new in zip(fresh.principals, principals, strict=True):
        assert not whole or abs((old - new) * whole - old * fresh.principal_cut) < whole


@given(cut=cuts(), more=st.integers(1, 10_000))
def test_a_cut_larger_than_the_plan_is_an_error(cut: Cut, more: int) -> None:
    for too_much in (
        cut._replace(principal_cut=sum(cut.principals) + more),
        cut._replace(fee_cut=sum(cut.fees) + more),
        cut._replace(principal_cut=-more),
    ):
        with pytest.raises(ValueError, match="larger than what is there"):
            too_much.reduce("evenly")


@given(cut=cuts(), data=st.data())
def test_repayments_fill_the_oldest_instalments_first(cut: Cut, data: st.DataObject) -> None:
    outstanding = sum(cut.principals) + sum(cut.fees) - sum(cut.repaid)
    amount = data.draw(st.integers(0, outstanding))
    after = repay_oldest_first(cut.principals, cut.fees, cut.repaid, amount)
    owed = [p + f for p, f in zip(cut.principals, cut.fees, strict=True)]
    assert sum(after) == sum(cut.repaid) + amount
    assert all(old <= new <= most for old, new, most in zip(cut.repaid, after, owed, strict=True))
    paid = [place for place, old in enumerate(cut.repaid) if after[place] != old]
    assert not paid or all(after[place] == owed[place] for place in range(paid[-1]))
    with pytest.raises(ValueError, match="larger than what is outstanding"):
        repay_oldest_first(cut.principals, cut.fees, cut.repaid, outstanding + 1)


def test_a_repaid_plan_that_is_refunded_in_full_gives_all_back() -> None:
    assert reduce_instalments((50, 50), (1, 1), (51, 51), 100, 2, "evenly") == ((0, 0), (0, 0), (0, 0), 102)
    assert reduce_instalments((50, 50), (1, 1), (51, 51), 100, 0, "evenly") == ((0, 0), (1, 1), (1, 1), 100)
