"""What a rehearsal has to say: figures by tenant and by second, what broke first, and whether it passed."""

from __future__ import annotations

from typing import Literal

import msgspec

from chuanliu.rehearsal.guard import RealView
from chuanliu.rehearsal.messages import Books

Status = Literal["passed", "failed", "stopped"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that did not hold. `at_s` is in seconds of the run, `time` in the scenario's; both are missing for what
    concerns the whole run.
    """

    kind: str
    text: str
    at_s: float | None = None
    time: str | None = None


class TenantResult(msgspec.Struct, kw_only=True):
    """A tenant's requests. `within_promise` are those of stretches in which it asked for no more than it was promised;
    of them `lost` were not served. Shares are of what it offered; latencies in ms of the answered; `cost_units` as
    metering has them.
    """

    tenant: str
    group: str
    merchant_id: str
    offered: int = 0
    answered: int = 0
    over_share: int = 0
    overloaded: int = 0
    declined: int = 0
    failed: int = 0
    unsent: int = 0
    within_promise: int = 0
    lost: int = 0
    guarantee_max_per_s: float = 0.0
    cap_max_per_s: float = 0.0
    admitted_share: float = 0.0
    p50_ms: float | None = None
    p99_ms: float | None = None
    cost_units: int = 0


class SecondResult(msgspec.Struct, kw_only=True):
    """One second of the run: requests of all tenants, the plan, and what real tenants got."""

    at_s: int
    time: str
    offered: int = 0
    answered: int = 0
    turned_away: int = 0
    p99_ms: float | None = None
    units: int = 0
    capacity_per_s: float = 0.0
    promised_per_s: float = 0.0
    by_group: dict[str, int] = {}
    real: RealView | None = None


class OfflineResult(msgspec.Struct, frozen=True, kw_only=True):
    """An offline job during the run: how much it did, and its time at work in ms."""

    name: str
    done: int
    worked_ms: int


class BooksResult(msgspec.Struct, frozen=True, kw_only=True):
    """What merchants were told against what is stored, and the shadow's postings; `joined` ones touch real money."""

    acknowledged: Books
    stored_payments: int
    stored_minor: int
    stored_refunds: int
    stored_refunds_minor: int
    postings: int
    joined: int
    left_open: dict[str, int]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Times are ISO 8601 in UTC; `broke_first` is the earliest finding."""

    rehearsal_id: str
    scenario: str
    status: Status
    stopped_because: str | None
    broke_first: Finding | None
    findings: list[Finding]
    started: str
    seconds: float
    compress: float
    scale: float
    scenario_from: str
    scenario_until: str
    offered: int
    answered: int
    turned_away: int
    failed: int
    within_promise: int
    lost: int
    p50_ms: float | None
    p99_ms: float | None
    units_max: int
    unit_minutes: float
    cost: float
    cost_units: int
    gateways: int
    real_before: RealView
    real_during: RealView
    books: BooksResult
    offline: list[OfflineResult]
    audit_clean: bool
    audit_offenders: dict[str, int]
    tenants: list[TenantResult]
    timeline: list[SecondResult]
    samples: list[str]
