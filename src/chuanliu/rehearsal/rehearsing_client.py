"""A rehearsal from beginning to end on a running installation: cast, watch, load under the plan, drain, report."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import msgspec
import psycopg

from chuanliu.admission import TenantSettings, lease_store
from chuanliu.clock import SECOND, Micros, iso_text
from chuanliu.errors import ChuanliuError, Conflict, Unavailable
from chuanliu.gateway import Services
from chuanliu.metering import MeteredRow, meter_store
from chuanliu.rehearsal import shadow_store
from chuanliu.rehearsal.banks_server import simulated_banks
from chuanliu.rehearsal.cast_client import Cast, bank_listings
from chuanliu.rehearsal.generator_server import Generator, generator
from chuanliu.rehearsal.guard import Guard, Limits, RealView, real_view
from chuanliu.rehearsal.messages import Codes, Go, LoadPlan, LoadTenant, Second, Stop
from chuanliu.rehearsal.report import BooksResult, Finding, OfflineResult, Report, Status
from chuanliu.rehearsal.script import Script
from chuanliu.rehearsal.tally import Tally, book_findings
from chuanliu.runtime import Settings, audit

_POOL_LASTS_S: Final = 5.0
"""The pool is held anew each second; when the rehearsal dies, it closes by itself so much later."""

_SETTLE_S: Final = 3.0
"""From the first guarantees to the first requests: every gateway has its lease by then."""

_WATCH_S: Final = 10
_METER_LAG_S: Final = 3
_DRAIN_S: Final = 60.0
_CODES_AHEAD_S: Final = 6.0
_CODES_MIN: Final = 60
_CODES_MAX: Final = 4000
_PAY_SHARE: Final = 0.67
_BLIND_S: Final = 10.0
_CARDHOLDERS: Final = 60

Hear = Callable[[str], None]


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line can choose beside the script. `before_s`: how long real tenants are watched first. The
    gateway listens at `host` and `port`, without TLS.
    """

    host: str
    port: int
    before_s: int = 20
    connections: int = 128
    payers: int = 400
    card_share: float = 0.05
    banks: bool = True
    latency_ms_max: float = 1000.0
    limits: Limits = Limits()


async def rehearse(
    services: Services, settings: Settings, script: Script, wishes: Wishes, hear: Hear = lambda _: None
) -> Report:
    """Run the script against the installation and return what came of it; the report is on record too.

    Raises `Conflict(rehearsal_running)` beside another one, `Unavailable` when the installation cannot be reached.
    """
    async with await _connect(settings) as connection:
        if not await shadow_store.only_one(connection):
            raise Conflict("rehearsal_running")
        return await _Rehearsal(services, settings, script, wishes, hear, connection).run()


async def remove_shadow(settings: Settings) -> dict[str, int]:
    """Delete what rehearsals left; rows by table. Raises `Conflict(rehearsal_running)` while there is one."""
    async with await _connect(settings) as connection:
        if not await shadow_store.only_one(connection):
            raise Conflict("rehearsal_running")
        return await shadow_store.remove(connection)


async def _connect(settings: Settings) -> psycopg.AsyncConnection[Any]:
    if settings.database_url is None:
        raise Unavailable("there is no database")
    try:
        return await psycopg.AsyncConnection.connect(
            settings.database_url, autocommit=True, connect_timeout=5, application_name="chuanliu rehearsal"
        )
    except psycopg.OperationalError as error:
        raise Unavailable(str(error)) from error


class _Rehearsal:
    def __init__(
        self,
        services: Services,
        settings: Settings,
        script: Script,
        wishes: Wishes,
        hear: Hear,
        connection: psycopg.AsyncConnection[Any],
    ) -> None:
        self._services = services
        self._settings = settings
        self._script = script
        self._wishes = wishes
        self._hear = hear
        self._connection = connection
        self._run = f"r{secrets.token_hex(4)}"
        self._cast = Cast(services, payers=wishes.payers, cardholders=_CARDHOLDERS)
        self._tally = Tally(script)
        self._told: list[TenantSettings] = []
        self._real: dict[int, RealView] = {}
        self._stopped: str | None = None
        self._seen_at = 0.0
        self._start: Micros = 0

    async def run(self) -> Report:
        """From beginning to end. Whatever happens, the pool is closed and keys end."""
        listings = bank_listings() if self._wishes.banks else []
        if not listings:
            return await self._with_banks({})
        with simulated_banks(self._settings.data, listings) as ports:
            return await self._with_banks(ports)

    async def _with_banks(self, ports: dict[str, int]) -> Report:
        self._hear("casting: shadow merchants, consumers, banks")
        rehearsal_id = self._services.engine.ids.next()
        try:
            await self._cast.prepare(self._script.tenants, ports)
            before = await self._watch()
            offline = await shadow_store.offline_work(self._connection)
            async with generator(self._load_plan()) as load:
                load.say(await self._codes(_CODES_MAX // 4, _CODES_MIN))
                await load.ready()
                await self._hold(0.0)
                await asyncio.sleep(_SETTLE_S)
                self._start = time.time_ns() // 1000
                load.say(Go())
                await shadow_store.begin(self._connection, rehearsal_id, self._script, self._start)
                await self._storm(load, Guard(before, self._wishes.limits))
            ended = time.time_ns() // 1000
            self._hear("draining")
            left = await self._drain()
        except BaseException:
            with suppress(psycopg.Error):
                await shadow_store.abandon(self._connection, rehearsal_id)
            raise
        finally:
            with suppress(psycopg.Error, ChuanliuError):
                await lease_store.end_rehearsal(self._connection)
                await self._cast.end_keys()
        report = await self._report(rehearsal_id, before, ended, left, offline)
        await shadow_store.finish(self._connection, rehearsal_id, report.status, ended, report)
        return report

    async def _watch(self) -> RealView:
        """What real tenants get while nothing is rehearsed."""
        self._hear(f"watching real tenants for {self._wishes.before_s} s")
        began = time.time_ns() // 1000
        await asyncio.sleep(self._wishes.before_s + _METER_LAG_S if self._wishes.before_s else 0)
        return real_view(await self._metered(began, began + self._wishes.before_s * SECOND))

    async def _metered(self, since: Micros, until: Micros) -> list[MeteredRow]:
        return await meter_store.read_rows(self._connection, since, until, [1, 60])

    def _load_plan(self) -> LoadPlan:
        script = self._script
        return LoadPlan(
            host=self._wishes.host,
            port=self._wishes.port,
            run=self._run,
            seconds=script.seconds,
            step_s=script.step_s,
            tenants=[
                LoadTenant(api_key=player.api_key, rates=rates)
                for player, rates in zip(self._cast.players, script.rates.tolist(), strict=True)
            ],
            holds=script.holds,
            connections=self._wishes.connections,
            card_share=self._wishes.card_share if self._wishes.banks else 0.0,
            seed=secrets.randbelow(2**31),
        )

    async def _hold(self, second: float) -> None:
        """Tell gateways what the plan gives at this time: the pool, and each tenant's guarantee and cap."""
        settings = self._script.settings_at(second)
        if settings != self._told:
            by_id = {player.merchant_id: terms for player, terms in zip(self._cast.players, settings, strict=True)}
            await lease_store.set_tenants(self._connection, by_id)
            self._told = settings
        await lease_store.hold_rehearsal(self._connection, self._script.limit_at(second), _POOL_LASTS_S)

    async def _storm(self, load: Generator, guard: Guard) -> None:
        self._seen_at = time.monotonic()
        keeping = asyncio.create_task(self._keep(load, guard))
        try:
            async for report in load.reports():
                self._tally.take(report)
                if not report.last and self._stopped is None:
                    await self._feed(load, report)
                    self._say(report)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _keep(self, load: Generator, guard: Guard) -> None:
        """Each second: hold the pool, and look at real tenants; stop when they suffer or nothing can be seen."""
        while True:
            now = time.time_ns() // 1000
            try:
                async with asyncio.timeout(_BLIND_S):
                    await self._hold((now - self._start) / SECOND)
                    why = await self._look(guard, now)
                self._seen_at = time.monotonic()
            except (psycopg.Error, TimeoutError):
                why = None
            if time.monotonic() - self._seen_at > _BLIND_S:
                why = "the database does not tell how real tenants fare"
            if why is not None and self._stopped is None:
                self._stopped = why
                self._hear(f"stopping: {why}")
                load.say(Stop())
            await asyncio.sleep(1.0 - time.time() % 1.0)

    async def _look(self, guard: Guard, now: Micros) -> str | None:
        until = now // SECOND * SECOND - SECOND
        rows = await self._metered(until - _WATCH_S * SECOND, until)
        last = [row for row in rows if row.starts_at >= until - SECOND]
        self._real[max(0, (until - SECOND - self._start) // SECOND)] = real_view(last)
        return guard.look(real_view(rows))

    async def _codes(self, balance: int, card: int) -> Codes:
        return Codes(
            balance=await self._cast.mint(balance, by_card=False),
            card=await self._cast.mint(card, by_card=True) if self._wishes.banks else [],
        )

    async def _feed(self, load: Generator, report: Second) -> None:
        """Codes for what the next seconds will pay, and more than that."""
        script, second = self._script, report.second
        steps = script.rates.shape[1]
        ahead = [
            float(script.rates[:, min(int((second + each) / script.step_s), steps - 1)].sum())
            for each in range(round(_CODES_AHEAD_S))
        ]
        needed = min(max(int(sum(ahead) * _PAY_SHARE * 1.5), _CODES_MIN), _CODES_MAX)
        card = min(max(int(needed * self._wishes.card_share * 2), _CODES_MIN), _CODES_MAX)
        wanted = needed - report.codes_left, card - report.card_codes_left
        if max(wanted) > 0:
            with suppress(ChuanliuError):
                load.say(await self._codes(max(wanted[0], 0), max(wanted[1], 0)))

    def _say(self, report: Second) -> None:
        script = self._script
        slot = script.slot_at(report.second)
        self._hear(
            f"{iso_text(script.moment(report.second))}  second {report.second} of {script.seconds:.0f}, "
            f"{script.units[slot]} units, {report.books.payments} payments"
        )

    async def _drain(self) -> dict[str, int]:
        """Wait until nothing of the shadow waits any more; what is left after a minute."""
        left: dict[str, int] = {}
        deadline = time.monotonic() + _DRAIN_S
        while time.monotonic() < deadline:
            left = (await shadow_store.backlog(self._connection))._asdict()
            if not any(left.values()):
                break
            await asyncio.sleep(0.5)
        return left

    async def _books(self, left: dict[str, int]) -> BooksResult:
        stored = await shadow_store.stored_books(self._connection, self._run)
        postings = await shadow_store.postings(self._connection)
        return BooksResult(
            acknowledged=self._tally.books,
            stored_payments=stored.payments,
            stored_minor=stored.payments_minor,
            stored_refunds=stored.refunds,
            stored_refunds_minor=stored.refunds_minor,
            postings=postings.all,
            joined=postings.joined,
            left_open=left,
        )

    def _findings(self, books: BooksResult, offenders: dict[str, int]) -> list[Finding]:
        found = [*self._tally.findings(self._wishes.latency_ms_max), *book_findings(books)]
        found += [
            Finding(kind="audit", text=f"the audit finds {count} offenders: {name}")
            for name, count in offenders.items()
        ]
        if self._stopped is not None:
            at = float(self._tally.seconds)
            moment = iso_text(self._script.moment(at))
            found.append(Finding(kind="stopped", text=self._stopped, at_s=at, time=moment))
        return found

    async def _report(
        self,
        rehearsal_id: int,
        before: RealView,
        ended: Micros,
        left: dict[str, int],
        offline: list[shadow_store.OfflineWork],
    ) -> Report:
        self._hear("auditing")
        script, tally = self._script, self._tally
        rows = await self._metered(self._start, ended + SECOND)
        costs: dict[int, int] = {}
        for row in rows:
            costs[row.tenant_id] = costs.get(row.tenant_id, 0) + row.cost_units
        books = await self._books(left)
        audited = await asyncio.to_thread(audit, self._settings.database_url or "")
        offenders = {check.name: check.offenders_count for check in audited.checks if check.offenders_count}
        findings = self._findings(books, offenders)
        status: Status = "stopped" if self._stopped is not None else "failed" if findings else "passed"
        tenants = tally.tenants([player.merchant_id for player in self._cast.players], costs)
        latency = tally.latency()
        return Report(
            rehearsal_id=str(rehearsal_id),
            scenario=script.name,
            status=status,
            stopped_because=self._stopped,
            broke_first=min(
                (each for each in findings if each.at_s is not None),
                key=lambda each: each.at_s or 0.0,
                default=findings[0] if findings else None,
            ),
            findings=findings,
            started=iso_text(self._start),
            seconds=round((ended - self._start) / SECOND, 1),
            compress=script.compress,
            scale=script.scale,
            scenario_from=iso_text(script.moment(0)),
            scenario_until=iso_text(script.moment(script.seconds)),
            offered=sum(one.offered for one in tenants),
            answered=sum(one.answered for one in tenants),
            turned_away=sum(one.over_share + one.overloaded for one in tenants),
            failed=sum(one.failed + one.unsent for one in tenants),
            within_promise=sum(one.within_promise for one in tenants),
            lost=sum(one.lost for one in tenants),
            p50_ms=latency.percentile_ms(50),
            p99_ms=latency.percentile_ms(99),
            units_max=max(script.units),
            unit_minutes=round(script.unit_minutes(), 1),
            cost=round(script.cost(), 2),
            cost_units=sum(one.cost_units for one in tenants),
            gateways=await shadow_store.gateways(self._connection),
            real_before=before,
            real_during=real_view(rows),
            books=books,
            offline=_offline(offline, await shadow_store.offline_work(self._connection)),
            audit_clean=audited.clean,
            audit_offenders=offenders,
            tenants=tenants,
            timeline=tally.timeline(self._real),
            samples=tally.samples,
        )


def _offline(before: list[shadow_store.OfflineWork], after: list[shadow_store.OfflineWork]) -> list[OfflineResult]:
    """What each job did meanwhile; of one that began anew, its present run."""
    known = {one.name: one for one in before}
    found = []
    for one in after:
        was = known.get(one.name)
        anew = was is None or one.done < was.done or one.worked_us < was.worked_us
        done, worked = (0, 0) if anew or was is None else (was.done, was.worked_us)
        found.append(OfflineResult(name=one.name, done=one.done - done, worked_ms=(one.worked_us - worked) // 1000))
    return found
