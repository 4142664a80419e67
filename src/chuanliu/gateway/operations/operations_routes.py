"""The operations screen: who may see it, which window is asked for, and the page or its live part.

In a sandbox everybody may, as on its start page; else an administrator's key opens a session.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import psycopg

from chuanliu.admission import lease_store
from chuanliu.clock import MINUTE, Micros, from_datetime, iso_text
from chuanliu.engine import Reference
from chuanliu.errors import Forbidden, Invalid
from chuanliu.gateway.composition import Services
from chuanliu.gateway.operations import screen_store
from chuanliu.gateway.operations.session import COOKIE, LASTS, PURPOSE, form_token, key_of_session, session_text
from chuanliu.gateway.operations.window import (
    SPANS_MIN,
    Window,
    next_steps,
    plan_steps,
    quantile_ms,
    river_steps,
    tenant_rows,
    window_of,
)
from chuanliu.ids import is_shadow_party
from chuanliu.metering import CASHIER_TENANT, tenant_name
from chuanliu.offline import JobState, at_risk
from chuanliu.parties import API_KEY, api_key_of, find_merchant
from chuanliu.serving import Request, Response, Router, cookie_text
from chuanliu.web import (
    JobRow,
    Language,
    OperationsView,
    PastEvent,
    SignInView,
    WindowChoice,
    choose_language,
    render_operations,
    render_operations_live,
    render_operations_sign_in,
    text,
)

PATH: Final = "/operations"
LIVE_PATH: Final = "/operations/live"
_FORM_COOKIE: Final = "chuanliu_operations_form"
_CACHED_S: Final = 1.5
_JOBS: Final = """
    SELECT name, status, paused, (extract(epoch FROM due_at) * 1000000)::bigint,
        (extract(epoch FROM finish_by) * 1000000)::bigint, (extract(epoch FROM started_at) * 1000000)::bigint,
        (extract(epoch FROM finished_at) * 1000000)::bigint, done, total, worked_us, problem
    FROM offline_job ORDER BY finish_by, name
"""


class _Asked:
    """What a request asks to see."""

    def __init__(self, request: Request) -> None:
        query = request.query()
        self.language = choose_language(query.get("lang"), request.headers.get("accept-language"))
        minutes = query.get("minutes", "15")
        if minutes not in map(str, SPANS_MIN):
            raise Invalid("invalid_parameter", f"minutes is one of {', '.join(map(str, SPANS_MIN))}", field="minutes")
        self.minutes = int(minutes)
        pool = query.get("pool", "real")
        if pool not in ("real", "shadow"):
            raise Invalid("invalid_parameter", "pool is real or shadow", field="pool")
        self.shadow = pool == "shadow"
        self.at = _instant(query.get("at"))

    def link(self, path: str = PATH, **changed: Any) -> str:
        """The address of this view, or of one that differs."""
        at = changed.get("at", self.at)
        members = {
            "minutes": changed.get("minutes", self.minutes),
            "pool": "shadow" if changed.get("shadow", self.shadow) else "real",
            **({} if at is None else {"at": iso_text(at)}),
            "lang": self.language.value,
        }
        return f"{path}?{urlencode(members)}"


def _instant(given: str | None) -> Micros | None:
    if given is None:
        return None
    try:
        return from_datetime(datetime.fromisoformat(given))
    except (ValueError, OverflowError):
        raise Invalid("invalid_parameter", "at is ISO 8601 with an offset", field="at") from None


class _Screen:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._secret = services.vault.derived_key(PURPOSE)
        self._meters = {shadow: screen_store.LiveMeter(shadow=shadow) for shadow in (False, True)}
        self._lock = asyncio.Lock()
        self._cached: dict[str, tuple[float, OperationsView]] = {}

    async def page(self, request: Request) -> Response:
        if not self._may(request):
            return self._sign_in(request)
        view = await self._view(_Asked(request))
        if not self._services.sandbox:
            own = form_token(request.cookies().get(COOKIE, ""), self._secret)
            view = msgspec.structs.replace(view, sign_out_token=own)
        return Response.html(render_operations(view))

    async def live(self, request: Request) -> Response:
        if not self._may(request):
            raise Forbidden("forbidden", "the session is over; load the page again")
        return Response.html(render_operations_live(await self._view(_Asked(request))))

    async def sign_in(self, request: Request) -> Response:
        form = request.form()
        known, given = request.cookies().get(_FORM_COOKIE, ""), form.get("csrf_token", "")
        if not known or not hmac.compare_digest(known.encode(), given.encode("utf-8", "surrogatepass")):
            raise Forbidden("forbidden", "the page was open for too long; load it again")
        key = api_key_of(self._services.engine.reference, form.get("admin_key", "").strip(), _now())
        if key is None or key.scope != "admin":
            return self._sign_in(request, "api_key_invalid")
        text_of_session = session_text(key.key_id, _now(), self._secret)
        cookie = cookie_text(
            COOKIE,
            text_of_session,
            secure=request.scheme == "https",
            max_age_s=LASTS // 1_000_000,
            path=PATH,
            same_site="strict",
        )
        language = choose_language(form.get("lang"), None)
        return Response.redirect(f"{PATH}?lang={language.value}").with_header("set-cookie", cookie)

    async def sign_out(self, request: Request) -> Response:
        form, held = request.form(), request.cookies().get(COOKIE, "")
        own, given = form_token(held, self._secret), form.get("csrf_token", "")
        if not hmac.compare_digest(own.encode(), given.encode("utf-8", "surrogatepass")):
            raise Forbidden("forbidden", "the page was open for too long; load it again")
        gone = cookie_text(COOKIE, "", secure=request.scheme == "https", max_age_s=0, path=PATH, same_site="strict")
        return Response.redirect(PATH).with_header("set-cookie", gone)

    def _may(self, request: Request) -> bool:
        if self._services.sandbox:
            return True
        now = _now()
        key_id = key_of_session(request.cookies().get(COOKIE, ""), now, self._secret)
        if key_id is None:
            return False
        (key,) = self._services.engine.reference.find(API_KEY, "key_id", key_id) or (None,)
        return key is not None and key.scope == "admin" and (key.valid_until is None or key.valid_until > now)

    def _sign_in(self, request: Request, problem: str = "") -> Response:
        token = request.cookies().get(_FORM_COOKIE) or secrets.token_urlsafe(24)
        language = choose_language(request.query().get("lang"), request.headers.get("accept-language"))
        page = render_operations_sign_in(SignInView(language, PATH, token, problem))
        cookie = cookie_text(_FORM_COOKIE, token, secure=request.scheme == "https", path=PATH, same_site="strict")
        return Response.html(page, 403 if problem else 200).with_header("set-cookie", cookie)

    async def _view(self, asked: _Asked) -> OperationsView:
        key = asked.link()
        async with self._lock:
            known = self._cached.get(key)
            if known is not None and time.monotonic() - known[0] < _CACHED_S:
                return known[1]
            async with self._services.reads.connection() as connection:
                made = await self._make(connection, asked, _now())
            self._cached = {one: each for one, each in self._cached.items() if time.monotonic() - each[0] < _CACHED_S}
            self._cached[key] = time.monotonic(), made
            return made

    async def _make(self, connection: psycopg.AsyncConnection[Any], asked: _Asked, now: Micros) -> OperationsView:
        window, shadow = window_of(asked.minutes, asked.at, now), asked.shadow
        if window.is_live and asked.minutes == min(SPANS_MIN):
            metered = await self._meters[shadow].read(connection, window)
        else:
            metered = await screen_store.read_metered(connection, window, shadow=shadow)
        money = await screen_store.read_money(connection, window, shadow=shadow)
        slots = await screen_store.read_slots(connection, window.since, shadow=shadow)
        gateways = await screen_store.read_gateways(connection) if window.is_live else None
        settings = await lease_store.read_settings(connection)
        limit = await lease_store.rehearsal_limit(connection) or None if shadow else settings.limit_per_s
        jobs = [JobState(*row) for row in await (await connection.execute(_JOBS)).fetchall()]
        past = await screen_store.read_rehearsals(connection)
        names = _names(self._services.engine.reference, (each.tenant_id for each in metered.sums), asked.language)
        totals = [sum(counts) for counts in zip(*metered.latency.values(), strict=False)]
        return OperationsView(
            language=asked.language,
            page_path=asked.link(),
            live_url=asked.link(LIVE_PATH),
            is_live=window.is_live,
            is_shadow=shadow,
            until=now if window.is_live else window.until,
            step=window.step,
            steps=river_steps(window, metered.sums, metered.latency, None if money is None else money.by_step, names),
            plan=plan_steps(window, slots),
            next_steps=next_steps(slots, now) if window.is_live else (),
            tenants=tenant_rows(window, metered.sums, names, settings.tenants),
            jobs=tuple(_job(job, now) for job in jobs),
            past=tuple(_past(asked, each) for each in past),
            spans=_spans(asked),
            pools=tuple(
                WindowChoice(text(f"operations.{word}", asked.language), asked.link(shadow=one), one is shadow)
                for one, word in ((False, "real"), (True, "shadow"))
            ),
            moves=_moves(asked, window, now),
            gateways=None if gateways is None else gateways.processes,
            queue_ms=None if gateways is None else gateways.wait_s * 1000,
            limit_per_s=limit,
            paid_minor=None if money is None else sum(money.by_step.values()),
            paid_count=None if money is None else money.payments,
            instalment_users=0 if money is None else money.users,
            instalment_plans=0 if money is None else money.plans,
            cost_units=sum(each.cost_units for each in metered.sums),
            p99_ms=quantile_ms(totals, 0.99),
        )


def _now() -> Micros:
    return time.time_ns() // 1000


def _names(reference: Reference, tenants: Iterable[int], language: Language) -> dict[int, str]:
    """Merchants by their names; two of one name are told apart by their numbers."""
    found: dict[int, str] = {}
    for tenant_id in sorted(set(tenants)):
        if tenant_id <= CASHIER_TENANT:
            name = text(f"operations.tenant_{tenant_name(tenant_id)}", language)
        else:
            merchant = find_merchant(reference, tenant_id)
            name = tenant_name(tenant_id) if merchant is None else merchant.name
            if is_shadow_party(tenant_id):
                name = name.rpartition(" ")[2]
        found[tenant_id] = name if name not in found.values() else f"{name} {tenant_id % 10_000:04d}"
    return found


def _job(job: JobState, now: Micros) -> JobRow:
    status = job.status
    if job.paused:
        status = "paused"
    elif status != "failed" and at_risk(job, now):
        status = "risk"
    return JobRow(
        name=job.name, status=status, done=job.done, total=job.total, finish_by=job.finish_by, problem=job.problem
    )


def _past(asked: _Asked, each: screen_store.Rehearsed) -> PastEvent:
    """Shown in the smallest window that holds it; one that runs is shown live."""
    length = each.ends_at - each.started_at
    minutes = next((one for one in SPANS_MIN if one * MINUTE >= length), max(SPANS_MIN))
    at = None if each.status == "running" else each.ends_at
    return PastEvent(
        name=each.scenario,
        status=each.status,
        started_at=each.started_at,
        link=asked.link(minutes=minutes, shadow=True, at=at),
        remark=each.broke_first,
    )


def _spans(asked: _Asked) -> tuple[WindowChoice, ...]:
    words = {one: text(f"operations.span_{one}", asked.language) for one in SPANS_MIN}
    return tuple(WindowChoice(words[one], asked.link(minutes=one), one == asked.minutes) for one in SPANS_MIN)


def _moves(asked: _Asked, window: Window, now: Micros) -> tuple[WindowChoice, ...]:
    span = window.until - window.since
    earlier = WindowChoice(text("operations.earlier", asked.language), asked.link(at=window.until - span))
    live = WindowChoice(text("operations.live", asked.language), asked.link(at=None), window.is_live)
    if window.is_live:
        return earlier, live
    after = window.until + span
    later = WindowChoice(text("operations.later", asked.language), asked.link(at=after if after < now else None))
    return earlier, later, live


def add_routes(router: Router, services: Services) -> None:
    """Route the screen."""
    screen = _Screen(services)
    router.add("GET", PATH, screen.page)
    router.add("GET", LIVE_PATH, screen.live)
    router.add("POST", f"{PATH}/sign-in", screen.sign_in)
    router.add("POST", f"{PATH}/sign-out", screen.sign_out)
