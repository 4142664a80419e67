"""Settings, reports and leases in PostgreSQL.

Every gateway process reports once a second and reads its lease in the same exchange; the coordinator, which is the
leading worker, deals once a second. Nothing waits for anything: whoever is late is dealt to in the next second.

There are two pools. Tenants of rehearsals have their own, which is there only while a rehearsal holds it; a process's
lease of it comes with the other one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec
import psycopg

from chuanliu.admission.dealing import Lease, Report, deal, first_lease
from chuanliu.admission.settings import PoolSettings, TenantSettings
from chuanliu.ids import SHADOW_PARTIES

Connection = psycopg.AsyncConnection[Any]

REPORT_S: Final = 3.0
"""A process that has not reported for so long has no part of the pool."""
NOTHING_PROMISED: Final[Mapping[int, float]] = MappingProxyType({})

_encode: Final = msgspec.json.Encoder().encode
_report: Final = msgspec.json.Decoder(Report).decode
_lease: Final = msgspec.json.Decoder(Lease).decode

_EXCHANGE: Final = """
    WITH reported AS (
        INSERT INTO admission_report (process, body, seen_at) VALUES (%(process)s, %(body)s, clock_timestamp())
        ON CONFLICT (process) DO UPDATE SET body = excluded.body, seen_at = excluded.seen_at
    )
    SELECT epoch, body FROM admission_lease WHERE process = %(process)s
"""
_FRESH: Final = """
    SELECT process, body FROM admission_report
    WHERE seen_at > clock_timestamp() - make_interval(secs => %s) ORDER BY process
"""
_ISSUE: Final = """
    INSERT INTO admission_lease (process, epoch, body, issued_at)
    SELECT process, 1, body, clock_timestamp() FROM unnest(%s::text[], %s::bytea[]) AS dealt (process, body)
    ON CONFLICT (process) DO UPDATE
        SET epoch = admission_lease.epoch + 1, body = excluded.body, issued_at = excluded.issued_at
"""
_SWEEP: Final = """
    WITH gone AS (
        DELETE FROM admission_report WHERE seen_at < clock_timestamp() - make_interval(secs => %s) RETURNING process
    )
    DELETE FROM admission_lease USING gone WHERE admission_lease.process = gone.process
"""
_SET_TENANT: Final = """
    INSERT INTO admission_tenant (tenant_id, guarantee_per_s, weight, burst_per_s, lendable_bps)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (tenant_id) DO UPDATE SET guarantee_per_s = excluded.guarantee_per_s, weight = excluded.weight,
        burst_per_s = excluded.burst_per_s, lendable_bps = excluded.lendable_bps
"""


_SET_TENANTS: Final = """
    INSERT INTO admission_tenant (tenant_id, guarantee_per_s, weight, burst_per_s, lendable_bps)
    SELECT * FROM unnest(%s::bigint[], %s::float8[], %s::float8[], %s::float8[], %s::integer[])
    ON CONFLICT (tenant_id) DO UPDATE SET guarantee_per_s = excluded.guarantee_per_s, weight = excluded.weight,
        burst_per_s = excluded.burst_per_s, lendable_bps = excluded.lendable_bps
"""
_HOLD_REHEARSAL: Final = """
    UPDATE rehearsal_pool SET limit_per_s = %s, until = clock_timestamp() + make_interval(secs => %s)
"""
_REHEARSAL: Final = "SELECT limit_per_s FROM rehearsal_pool WHERE until > clock_timestamp()"


class Issued(NamedTuple):
    """A lease with its number, by which a process tells a new one from the last."""

    epoch: int
    lease: Lease


async def read_settings(connection: Connection) -> PoolSettings:
    """What the operator has set."""
    cursor = await connection.execute("SELECT limit_per_s FROM admission_pool")
    row = await cursor.fetchone()
    cursor = await connection.execute(
        "SELECT tenant_id, guarantee_per_s, weight, burst_per_s, lendable_bps FROM admission_tenant"
    )
    tenants = {tenant_id: TenantSettings(*terms) for tenant_id, *terms in await cursor.fetchall()}
    return PoolSettings(row[0] if row is not None else None, tenants)


async def set_limit(connection: Connection, limit_per_s: float | None) -> None:
    """Set the pool's limit; None for no limit."""
    await connection.execute("UPDATE admission_pool SET limit_per_s = %s", [limit_per_s])


async def set_tenant(connection: Connection, tenant_id: int, settings: TenantSettings) -> None:
    """Set all of a tenant's settings."""
    await connection.execute(_SET_TENANT, [tenant_id, *msgspec.structs.astuple(settings)])


async def set_tenants(connection: Connection, settings: Mapping[int, TenantSettings]) -> None:
    """Set all settings of several tenants at once."""
    rows = [(one, *msgspec.structs.astuple(terms)) for one, terms in sorted(settings.items())]
    if rows:
        await connection.execute(_SET_TENANTS, [list(column) for column in zip(*rows, strict=True)])


async def hold_rehearsal(connection: Connection, limit_per_s: float, lasts_s: float) -> None:
    """Let tenants of rehearsals in, up to so many requests a second in all, for so long unless it is said again."""
    await connection.execute(_HOLD_REHEARSAL, [limit_per_s, lasts_s])


async def rehearsal_limit(connection: Connection) -> float:
    """Requests a second of all tenants of rehearsals; 0 while there is no rehearsal."""
    row = await (await connection.execute(_REHEARSAL)).fetchone()
    return float(row[0]) if row is not None else 0.0


async def end_rehearsal(connection: Connection) -> None:
    """Nobody of a rehearsal is let in from here on, and its tenants are forgotten."""
    await connection.execute("UPDATE rehearsal_pool SET limit_per_s = 0, until = '-infinity'")
    await connection.execute("DELETE FROM admission_tenant WHERE tenant_id >= %s", [SHADOW_PARTIES])


async def reset_tenant(connection: Connection, tenant_id: int) -> None:
    """Back to the default."""
    await connection.execute("DELETE FROM admission_tenant WHERE tenant_id = %s", [tenant_id])


async def exchange(connection: Connection, process: str, report: Report) -> Issued | None:
    """Report, and read this process's present lease; None before the first."""
    cursor = await connection.execute(_EXCHANGE, {"process": process, "body": _encode(report)})
    row = await cursor.fetchone()
    return Issued(row[0], _lease(row[1])) if row is not None else None


async def first(connection: Connection, process: str) -> Lease:
    """What a process goes by that has just begun: the safe part of one more process than report."""
    cursor = await connection.execute(_FRESH, [REPORT_S])
    others = {name for name, _ in await cursor.fetchall()} - {process}
    real, shadow = await _read_pools(connection, {})
    count = len(others) + 1
    return msgspec.structs.replace(first_lease(real, count), shadow=first_lease(shadow, count))


async def coordinate(connection: Connection, promised: Mapping[int, float] = NOTHING_PROMISED) -> int:
    """Deal both pools once: a lease for each process that has reported of late. Returns how many.

    `promised` is what tenants are guaranteed at present besides, in requests a second, such as for a declared event:
    of it and what the operator has set, the larger counts.
    """
    cursor = await connection.execute(_FRESH, [REPORT_S])
    reports = {process: _report(body) for process, body in await cursor.fetchall()}
    leases: dict[str, Lease] = {}
    if reports:
        real, shadow = await _read_pools(connection, promised)
        leases = deal(real, {process: report.of(shadow=False) for process, report in reports.items()})
        dealt = deal(shadow, {process: report.of(shadow=True) for process, report in reports.items()})
        leases = {process: msgspec.structs.replace(lease, shadow=dealt[process]) for process, lease in leases.items()}
        await connection.execute(_ISSUE, [list(leases), [_encode(one) for one in leases.values()]])
    await connection.execute(_SWEEP, [REPORT_S])
    return len(leases)


async def _read_pools(connection: Connection, promised: Mapping[int, float]) -> tuple[PoolSettings, PoolSettings]:
    settings = (await read_settings(connection)).promising(promised)
    return settings.parted(await rehearsal_limit(connection))


async def leave(connection: Connection, process: str) -> None:
    """A process ends: its part is free at once."""
    await connection.execute("DELETE FROM admission_report WHERE process = %s", [process])
    await connection.execute("DELETE FROM admission_lease WHERE process = %s", [process])
