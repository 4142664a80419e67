"""`chuanliu tenant`: the pool's limit, and each tenant's part of it."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from chuanliu.admission import DEFAULT_SETTINGS, PoolSettings, TenantSettings, check_limit, lease_store
from chuanliu.cli.installation import command
from chuanliu.clock import DAY, MINUTE, SECOND, iso_text
from chuanliu.errors import Invalid, NotFound
from chuanliu.gateway import Services
from chuanliu.metering import CASHIER_TENANT, MeteredRow, meter_store, offered_rates, tenant_name, tenant_of_name
from chuanliu.parties import find_merchant

app = typer.Typer(
    no_args_is_help=True, help="Who may use how much of the platform: limit, guarantees, weights, bursts."
)

TenantId = Annotated[
    str, typer.Argument(help="The merchant's number (2088…), or `cashier`, or `unknown`.", metavar="TENANT")
]
_NONE = "none"
_LOOK_BACK_S = 60
_LATE_S = 2
_MINUTES_DAYS = 2
"""Minutes are kept for three days, of which the first is rolled up meanwhile."""
_DAYS_MAX = 400


def _tenant_of(services: Services, text: str) -> int:
    tenant_id = tenant_of_name(text)
    if tenant_id is None:
        raise Invalid("invalid_parameter", "a tenant is a merchant's 16 digits, `cashier` or `unknown`", field="tenant")
    if tenant_id > CASHIER_TENANT and find_merchant(services.engine.reference, tenant_id) is None:
        raise NotFound("merchant_not_found")
    return tenant_id


def _rate(text: str, field: str) -> float | None:
    """A number, or None for `none`. Raises `Invalid(invalid_parameter)` naming the field."""
    if text == _NONE:
        return None
    try:
        return float(text)
    except ValueError:
        raise Invalid("invalid_parameter", f"{field} is a number or `{_NONE}`", field=field) from None


def _members(tenant_id: int, settings: TenantSettings) -> dict[str, Any]:
    return {
        "tenant": tenant_name(tenant_id),
        "guarantee_per_s": settings.guarantee_per_s,
        "weight": settings.weight,
        "burst_per_s": settings.burst_per_s,
        "lendable_bps": settings.lendable_bps,
    }


def _conflict(settings: PoolSettings) -> str | None:
    promised = sum(one.guarantee_per_s for one in settings.tenants.values())
    if settings.limit_per_s is None or promised <= settings.limit_per_s:
        return None
    return (
        f"guarantees of {promised:g} a second are more than the pool's limit of {settings.limit_per_s:g}: "
        "in need each is cut in proportion"
    )


@command(app, "limit")
async def set_pool_limit(
    services: Services,
    /,
    limit: Annotated[
        str | None, typer.Argument(help="Requests a second of all tenants together, or `none`.", metavar="[LIMIT]")
    ] = None,
) -> dict[str, Any]:
    """Set the pool's limit, or show it."""
    async with services.reads.connection() as connection:
        if limit is not None:
            limit_per_s = _rate(limit, "limit")
            check_limit(limit_per_s)
            await lease_store.set_limit(connection, limit_per_s)
        settings = await lease_store.read_settings(connection)
    return {"limit_per_s": settings.limit_per_s, "warning": _conflict(settings)}


@command(app, "set")
async def set_tenant(
    services: Services,
    /,
    tenant: TenantId,
    guarantee: Annotated[
        float | None, typer.Option("--guarantee", help="Requests a second that are always its.")
    ] = None,
    weight: Annotated[float | None, typer.Option("--weight", help="Its part of what is free; others have 1.")] = None,
    burst: Annotated[str | None, typer.Option("--burst", help="The most in all, requests a second, or `none`.")] = None,
    lendable: Annotated[
        int | None, typer.Option("--lendable-bps", help="How much of an unused guarantee others may use, of 10000.")
    ] = None,
    default: Annotated[bool, typer.Option("--default", help="Forget all that was set for it before.")] = False,
) -> dict[str, Any]:
    """Change a tenant's settings; what is not named stays. Gateways obey within two seconds."""
    tenant_id = _tenant_of(services, tenant)
    async with services.reads.connection() as connection:
        settings = await lease_store.read_settings(connection)
        known = DEFAULT_SETTINGS if default else settings.of(tenant_id)
        changed = TenantSettings(
            known.guarantee_per_s if guarantee is None else guarantee,
            known.weight if weight is None else weight,
            known.burst_per_s if burst is None else _rate(burst, "burst"),
            known.lendable_bps if lendable is None else lendable,
        )
        if changed == DEFAULT_SETTINGS:
            await lease_store.reset_tenant(connection, tenant_id)
        else:
            await lease_store.set_tenant(connection, tenant_id, changed)
        settings = await lease_store.read_settings(connection)
    return {**_members(tenant_id, changed), "warning": _conflict(settings)}


@command(app, "show")
async def show_tenant(services: Services, /, tenant: TenantId) -> dict[str, Any]:
    """Show a tenant's settings, and its requests a second in the last minute by class."""
    tenant_id = _tenant_of(services, tenant)
    async with services.reads.connection() as connection:
        settings = await lease_store.read_settings(connection)
        rows = [row for row in await _last_minute(services) if row.tenant_id == tenant_id]
    return {**_members(tenant_id, settings.of(tenant_id)), "last_minute": _by_class(rows)}


@command(app, "list", rows="tenants")
async def list_tenants(services: Services, /) -> list[dict[str, Any]]:
    """List tenants for whom something is set, or who asked for something in the last minute."""
    async with services.reads.connection() as connection:
        settings = await lease_store.read_settings(connection)
    rows = await _last_minute(services)
    listed = []
    for tenant_id in sorted({*settings.tenants, *(row.tenant_id for row in rows)}):
        own = [row for row in rows if row.tenant_id == tenant_id]
        sums = {name: sum(getattr(row, name) for row in own) for name in ("offered", "admitted", "rejected")}
        shown = {f"{name}_per_s": round(total / _LOOK_BACK_S, 2) for name, total in sums.items()}
        listed.append({**_members(tenant_id, settings.of(tenant_id)), **shown})
    return listed


@command(app, "trace")
async def write_trace(
    services: Services,
    /,
    file: Annotated[Path, typer.Argument(help="The CSV file that is written.")],
    days: Annotated[int, typer.Option("--days", min=1, max=_DAYS_MAX, help="How far back.")] = 2,
    step_minutes: Annotated[
        int, typer.Option("--step-minutes", min=1, max=1440, help="Length of a slot; whole hours beyond two days.")
    ] = 5,
) -> dict[str, Any]:
    """Write what tenants asked for as a trace, for `chuanliu capacity forecast` and `evaluate`."""
    if days > _MINUTES_DAYS and step_minutes % 60:
        problem = f"beyond {_MINUTES_DAYS} days only hours are kept: --step-minutes must be whole hours"
        raise Invalid("invalid_parameter", problem, field="step_minutes")
    step = step_minutes * MINUTE
    until = (time.time_ns() // 1000 - _LATE_S * SECOND) // step * step
    slots = days * DAY // step
    since = until - slots * step
    async with services.reads.connection() as connection:
        rates = offered_rates(await meter_store.read_rows(connection, since, until), since, step, slots)
    if not rates:
        raise Invalid("invalid_parameter", "nothing was asked for in that time", field="days")
    # Imported here: it brings the planning with it, which other commands do without.
    from chuanliu.capacity import Trace, trace_rows  # noqa: PLC0415

    trace = Trace.of(since, step, {tenant_name(tenant_id): row for tenant_id, row in rates.items()})
    try:
        with file.open("w", encoding="utf-8", newline="") as opened:
            csv.writer(opened).writerows(trace_rows(trace))
    except OSError as error:
        raise Invalid("invalid_parameter", f"{file} cannot be written: {error.strerror}", field="file") from None
    return {
        "file": str(file),
        "from": iso_text(since),
        "until": iso_text(until),
        "step_minutes": step_minutes,
        "tenants": len(rates),
    }


async def _last_minute(services: Services) -> list[MeteredRow]:
    until = (time.time_ns() // 1000 // SECOND - _LATE_S) * SECOND
    async with services.reads.connection() as connection:
        return await meter_store.read_rows(connection, until - _LOOK_BACK_S * SECOND, until, [1])


def _by_class(rows: list[MeteredRow]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        sums = found.setdefault(row.traffic_class.label, {"offered_per_s": 0, "admitted_per_s": 0, "rejected_per_s": 0})
        for name, count in (("offered", row.offered), ("admitted", row.admitted), ("rejected", row.rejected)):
            sums[f"{name}_per_s"] = round(sums[f"{name}_per_s"] + count / _LOOK_BACK_S, 4)
    return found
