"""What the operator sets: the pool's limit, and each tenant's guarantee, weight, burst and what it lends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from chuanliu.errors import Invalid
from chuanliu.ids import is_shadow_party

RATE_MAX: Final = 1e9
WEIGHT_MAX: Final = 1e6


class TenantSettings(msgspec.Struct, frozen=True):
    """`guarantee_per_s` is the tenant's whenever it asks for it. Beyond, what is free is shared by `weight`, up to
    `burst_per_s` in all (None: no such limit). Of an unused guarantee, others borrow at most `lendable_bps` hundredths
    of a per cent.

    Raises `Invalid(invalid_parameter)` naming the field.
    """

    guarantee_per_s: float = 0.0
    weight: float = 1.0
    burst_per_s: float | None = None
    lendable_bps: int = 5000

    def __post_init__(self) -> None:
        if not 0 <= self.guarantee_per_s <= RATE_MAX:
            raise Invalid("invalid_parameter", f"the guarantee must be 0 to {RATE_MAX:g} a second", field="guarantee")
        if not 0 < self.weight <= WEIGHT_MAX:
            raise Invalid("invalid_parameter", f"the weight must be above 0 and at most {WEIGHT_MAX:g}", field="weight")
        if self.burst_per_s is not None and not 0 < self.burst_per_s <= RATE_MAX:
            raise Invalid(
                "invalid_parameter", f"the burst must be above 0, at most {RATE_MAX:g} a second", field="burst"
            )
        if self.burst_per_s is not None and self.burst_per_s < self.guarantee_per_s:
            raise Invalid("invalid_parameter", "the burst is below the guarantee", field="burst")
        if not 0 <= self.lendable_bps <= 10_000:
            raise Invalid("invalid_parameter", "what is lent must be 0 to 10000 basis points", field="lendable")


DEFAULT_SETTINGS: Final = TenantSettings()
"""Of a tenant for whom nothing was set."""


class PoolSettings(msgspec.Struct, frozen=True):
    """`limit_per_s` is for all tenants and processes together; None lets everybody in."""

    limit_per_s: float | None
    tenants: dict[int, TenantSettings]

    def of(self, tenant_id: int) -> TenantSettings:
        """The settings of one tenant, its own or the default."""
        return self.tenants.get(tenant_id, DEFAULT_SETTINGS)

    def promising(self, guarantees: Mapping[int, float]) -> PoolSettings:
        """With what a plan promises, where that is more than what is set; a burst is never below the guarantee."""
        found = dict(self.tenants)
        for tenant_id, guarantee in guarantees.items():
            known = self.of(tenant_id)
            if guarantee > known.guarantee_per_s:
                burst = None if known.burst_per_s is None else max(known.burst_per_s, guarantee)
                found[tenant_id] = msgspec.structs.replace(known, guarantee_per_s=guarantee, burst_per_s=burst)
        return PoolSettings(self.limit_per_s, found)

    def parted(self, rehearsal_per_s: float) -> tuple[PoolSettings, PoolSettings]:
        """The pool of real tenants, and that of rehearsals with `rehearsal_per_s`: neither knows of the other's."""
        real = {one: terms for one, terms in self.tenants.items() if not is_shadow_party(one)}
        shadow = {one: terms for one, terms in self.tenants.items() if is_shadow_party(one)}
        return PoolSettings(self.limit_per_s, real), PoolSettings(rehearsal_per_s, shadow)


def check_limit(limit_per_s: float | None) -> None:
    """Raises `Invalid(invalid_parameter)` for a limit that is not positive."""
    if limit_per_s is not None and not 0 < limit_per_s <= RATE_MAX:
        raise Invalid("invalid_parameter", f"the limit must be above 0, at most {RATE_MAX:g} a second", field="limit")
