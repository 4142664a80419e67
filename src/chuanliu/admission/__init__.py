"""Admission: who may come in when not all can. Shares, leases, and the gate that each process keeps."""

from chuanliu.admission import lease_store
from chuanliu.admission.congestion import SHADOW_TARGET_S, Congestion
from chuanliu.admission.dealing import Lease, Report, Share, deal, first_lease, share_pool
from chuanliu.admission.gate import DECAY_S, LEASE_S, Gate, Verdict
from chuanliu.admission.settings import DEFAULT_SETTINGS, PoolSettings, TenantSettings, check_limit
from chuanliu.admission.shares import Limits, borrowing_shares, fair_shares, nominal_limits, proportional_shares

__all__ = [
    "DECAY_S",
    "DEFAULT_SETTINGS",
    "LEASE_S",
    "SHADOW_TARGET_S",
    "Congestion",
    "Gate",
    "Lease",
    "Limits",
    "PoolSettings",
    "Report",
    "Share",
    "TenantSettings",
    "Verdict",
    "borrowing_shares",
    "check_limit",
    "deal",
    "fair_shares",
    "first_lease",
    "lease_store",
    "nominal_limits",
    "proportional_shares",
    "share_pool",
]
