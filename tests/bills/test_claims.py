"""The waterfall conserves, whatever its order; a re-schedule keeps every sum."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from chuanliu.bills import allocate, rescheduled
from chuanliu.instalments import Plan

ORDERS = list(itertools.permutations(("fees", "interest", "principal")))
AMOUNTS = st.integers(0, 10**9)


def plan_of(principals: list[int], fees: list[int], repaid: int) -> Plan:
    """A plan that was repaid oldest first."""
    paid = []
    for principal, fee in zip(principals, fees, strict=True):
        paid.append(min(repaid, principal + fee))
        repaid -= paid[-1]
    count = len(principals)
    return Plan(
        0, 1, 1, 1, 1, 1, 1, 1, 1, "own", "CNY", "active", count, sum(principals), sum(fees), sum(fees), 0, 0,
        tuple(20260109 + 100 * at for at in range(count)), tuple(principals), tuple(fees), tuple(paid), (), (), (), (),
        (), (), "evenly", True, True, 0, 0, None,
    )  # fmt: skip


@given(
    st.sampled_from(ORDERS),
    AMOUNTS,
    AMOUNTS,
    st.lists(st.tuples(st.integers(1, 99), st.integers(1, 5), AMOUNTS)),
    AMOUNTS,
)
def test_a_repayment_falls_whole_and_no_claim_gets_more_than_it_is(
    order: tuple, fees: int, interest: int, instalments: list[tuple[int, int, int]], amount: int
) -> None:
    instalments.sort()
    found = allocate(order, fees, interest, instalments, amount)
    assert found.fees_minor + found.interest_minor + found.principal_minor + found.rest_minor == amount
    assert 0 <= found.fees_minor <= fees and 0 <= found.interest_minor <= interest
    for share in found.shares:
        assert 0 < share.amount_minor <= sum(owed for _, plan, owed in instalments if plan == share.plan_id)
    total = fees + interest + sum(owed for _, _, owed in instalments)
    assert found.rest_minor == max(0, amount - total)
    parts = {"fees": (found.fees_minor, fees), "interest": (found.interest_minor, interest)}
    parts["principal"] = (found.principal_minor, total - fees - interest)
    for earlier, later in itertools.pairwise(order):
        assert parts[later][0] == 0 or parts[earlier][0] == parts[earlier][1]


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**4)), min_size=1, max_size=24).filter(
        lambda x: sum(map(sum, x))
    ),
    st.data(),
)
def test_a_rescheduled_plan_owes_the_same(parts: list[tuple[int, int]], data: st.DataObject) -> None:
    principals, fees = [p for p, _ in parts], [f for _, f in parts]
    plan = plan_of(principals, fees, data.draw(st.integers(0, sum(principals) + sum(fees) - 1)))
    months = data.draw(st.integers(1, 60))
    after = rescheduled(plan, tuple(20270109 + at for at in range(months)))
    assert after.outstanding_minor == plan.outstanding_minor
    assert (sum(after.principals), sum(after.fees)) == (sum(principals), sum(fees))
    assert after.instalments == len(after.due_on) == len(after.principals) == len(after.fees) == len(after.repaid)
    assert all(0 <= r <= p + f for p, f, r in zip(after.principals, after.fees, after.repaid, strict=True))
    amounts = [p + f for p, f in zip(after.principals[-months:], after.fees[-months:], strict=True)]
    assert max(amounts) - min(amounts) <= 2
