"""Dealing a pool out to tenants, classes and processes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.admission import PoolSettings, Report, TenantSettings, deal, first_lease, share_pool
from chuanliu.errors import Invalid

A, B, C = 2088_0000_0000_0001, 2088_0000_0000_0002, 2088_0000_0000_0003


def pool(limit: float | None, **tenants: TenantSettings) -> PoolSettings:
    return PoolSettings(limit, {{"a": A, "b": B, "c": C}[name]: one for name, one in tenants.items()})


def test_a_guarantee_holds_however_much_others_want() -> None:
    settings = pool(100, a=TenantSettings(guarantee_per_s=40), b=TenantSettings(guarantee_per_s=20))
    shares, spare = share_pool(100, settings, {A: [40, 0, 0, 0], B: [5, 0, 0, 0], C: [5000, 0, 0, 0]})
    assert shares[A].within and shares[A].total == pytest.approx(51)  # with headroom: what it leaves flows on
    assert shares[B].total == pytest.approx(10)  # half of its guarantee is lent, the other half stays
    assert shares[C].total == pytest.approx(39) and not shares[C].within
    assert spare == pytest.approx(0)


def test_what_is_lent_is_the_lenders_choice() -> None:
    lender = TenantSettings(guarantee_per_s=60, lendable_bps=10_000)
    keeper = TenantSettings(guarantee_per_s=60, lendable_bps=0)
    for terms, gets in ((lender, 100), (keeper, 40)):
        shares, _ = share_pool(100, pool(100, a=terms), {C: [1000, 0, 0, 0]})
        assert shares[C].total == pytest.approx(gets)


def test_beyond_guarantees_weights_decide_and_a_burst_limits() -> None:
    settings = pool(100, a=TenantSettings(weight=3), b=TenantSettings(weight=1), c=TenantSettings(burst_per_s=20))
    wants = {one: [1000.0, 0, 0, 0] for one in (A, B, C)}
    shares, _ = share_pool(100, settings, wants)
    assert [shares[one].total for one in (A, B, C)] == [60, 20, 20]


def test_guarantees_above_the_pool_are_cut_in_proportion() -> None:
    settings = pool(100, a=TenantSettings(guarantee_per_s=150), b=TenantSettings(guarantee_per_s=50))
    shares, _ = share_pool(100, settings, {A: [500, 0, 0, 0], B: [500, 0, 0, 0]})
    assert [shares[one].total for one in (A, B)] == pytest.approx([75, 25])


def test_borrowed_capacity_goes_to_payments_first() -> None:
    shares, _ = share_pool(100, pool(100), {A: [60, 0, 300, 0], B: [0, 0, 300, 300]})
    assert shares[A].rates[0] == 76  # with the headroom
    assert shares[A].rates[2] == shares[B].rates[2] == pytest.approx(12)
    assert shares[B].rates[3] == pytest.approx(0)


def test_a_process_gets_of_a_share_what_it_has_of_the_requests() -> None:
    settings = pool(100, a=TenantSettings(guarantee_per_s=40))
    leases = deal(settings, {"p": Report({A: (30, 0, 0, 0)}), "q": Report({A: (10, 0, 0, 0), B: (200, 0, 0, 0)})})
    assert (leases["p"].tenants[A].total, leases["q"].tenants[A].total) == pytest.approx((38.25, 12.75))
    assert (leases["p"].tenants[B].total, leases["q"].tenants[B].total) == pytest.approx((0, 49))
    assert leases["p"].tenants[A].safe == 20 and leases["p"].safe_spare_per_s == 30


def test_without_a_limit_there_is_none() -> None:
    leases = deal(pool(None), {"p": Report({A: (30, 0, 0, 0)})})
    assert leases["p"].pool_per_s is None
    assert first_lease(pool(None), 2).pool_per_s is None


def test_before_its_first_lease_a_process_has_its_safe_part() -> None:
    lease = first_lease(pool(100, a=TenantSettings(guarantee_per_s=40, burst_per_s=50)), 2)
    assert (lease.tenants[A].total, lease.spare_per_s) == (20, 30)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("guarantee", {"guarantee_per_s": -1}),
        ("guarantee", {"guarantee_per_s": float("nan")}),
        ("weight", {"weight": 0}),
        ("burst", {"burst_per_s": 0}),
        ("burst", {"guarantee_per_s": 10, "burst_per_s": 9}),
        ("lendable", {"lendable_bps": 10_001}),
    ],
)
def test_settings_that_make_no_sense_are_refused(field: str, values: dict[str, float]) -> None:
    with pytest.raises(Invalid) as refused:
        TenantSettings(**values)  # type: ignore[arg-type]
    assert refused.value.field == field


rate = st.floats(0, 2000).map(lambda one: round(one, 1))
wanted = st.dictionaries(st.sampled_from([A, B, C]), st.tuples(rate, rate, rate, rate), max_size=3)
terms = st.builds(
    TenantSettings,
    guarantee_per_s=st.floats(0, 500),
    weight=st.floats(0.1, 10),
    burst_per_s=st.none() | st.floats(500, 900),
    lendable_bps=st.integers(0, 10_000),
)


@given(st.floats(1, 3000), st.dictionaries(st.sampled_from([A, B, C]), terms), wanted, wanted)
def test_leases_never_exceed_the_pool_and_keep_every_guarantee_that_is_wanted(
    limit: float,
    tenants: dict[int, TenantSettings],
    first: dict[int, tuple[float, float, float, float]],
    second: dict[int, tuple[float, float, float, float]],
) -> None:
    settings = PoolSettings(limit, tenants)
    leases = deal(settings, {"p": Report(first), "q": Report(second)})
    dealt = sum(one.spare_per_s + sum(share.total for share in one.tenants.values()) for one in leases.values())
    assert dealt == pytest.approx(limit)
    scale = min(1.0, limit / max(1e-9, sum(one.guarantee_per_s for one in tenants.values())))
    for tenant_id, one in tenants.items():
        total = sum(leases[process].tenants[tenant_id].total for process in leases)
        want = sum(first.get(tenant_id, ())) + sum(second.get(tenant_id, ()))
        assert total >= min(want, one.guarantee_per_s * scale) - 1e-6
        if one.burst_per_s is not None:
            assert total <= one.burst_per_s + 1e-6
