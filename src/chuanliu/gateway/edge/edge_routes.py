"""The edge of one process: every request is counted here, and let in or turned away."""

from __future__ import annotations

import time
from typing import Final

from chuanliu.admission import Gate, Verdict
from chuanliu.engine import Reference
from chuanliu.errors import Busy, ChuanliuError
from chuanliu.gateway.composition import Services
from chuanliu.gateway.edge.refusal_routes import Refusals
from chuanliu.gateway.edge.scanning import Scanned, scan
from chuanliu.ids import SHADOW_PARTIES
from chuanliu.metering import CASHIER_TENANT, UNKNOWN_TENANT, Tally, TrafficMeter
from chuanliu.parties import find_app, merchant_of_api_key
from chuanliu.serving import Request, Response

DEADLINE_HEADER: Final = "chuanliu-deadline-ms"
"""How many milliseconds the sender still waits: what could only be answered later is turned away at once."""

_KNOWN_MAX: Final = 10_000
_STRANGER_S: Final = 60.0
_STRANGERS_MAX: Final = 10_000
_FORGED: Final = (b'"isv.invalid-signature"', b'"invalid-signature"')
_HEAD_OCTETS: Final = 400


class Passage:
    """A request that was let in; `leave` it with its answer."""

    __slots__ = ("_edge", "_request", "_scanned", "_tally", "_tenant_id")

    def __init__(self, edge: Edge, request: Request, scanned: Scanned, tenant_id: int, tally: Tally) -> None:
        self._edge = edge
        self._request = request
        self._scanned = scanned
        self._tenant_id = tenant_id
        self._tally = tally

    def leave(self, response: Response, seconds: float) -> None:
        """Count the answer. Whoever signs wrongly in a merchant's name uses that name no more for a minute."""
        self._tally.answer(seconds)
        if self._scanned.kind in ("v2", "v3"):
            head = response.body[:_HEAD_OCTETS]
            if any(sign in head for sign in _FORGED):
                self._edge.distrust(self._request.client, self._tenant_id)


class Edge:
    """What the application asks first.

    Tenants of rehearsals pass `shadow_gate`, if there is one, and not while real ones are turned away.
    """

    def __init__(self, services: Services, gate: Gate, meter: TrafficMeter, *, shadow_gate: Gate | None = None) -> None:
        self._services = services
        self._gate = gate
        self._shadow_gate = shadow_gate if shadow_gate is not None else gate
        self._meter = meter
        self._refusals = Refusals(services)
        self._reference: Reference | None = None
        self._known: dict[str, int] = {}
        self._strangers: dict[tuple[str, int], float] = {}

    def enter(self, request: Request) -> Passage | Response | None:
        """Let a request in (None for one that is not counted), or answer it at once."""
        scanned = scan(request)
        if scanned is None:
            return None
        tenant_id = self._tenant_of(scanned)
        if self._strangers and self._is_stranger(request.client, tenant_id):
            tenant_id = UNKNOWN_TENANT
        tally = self._meter.tally(tenant_id, scanned.traffic_class)
        tally.offered += 1
        gate = self._gate
        if tenant_id >= SHADOW_PARTIES:
            gate = self._shadow_gate
        verdict = gate.decide(tenant_id, scanned.traffic_class, _deadline(request))
        if gate is not self._gate and self._gate.congestion.severity > 0:
            verdict = Verdict.OVERLOADED
        if verdict is Verdict.ADMITTED:
            tally.admitted += 1
            return Passage(self, request, scanned, tenant_id, tally)
        tally.rejected += 1
        return self._refusals.answer(request, scanned, _error(verdict))

    def distrust(self, client: str, tenant_id: int) -> None:
        """From here on, what comes from this address in this tenant's name is nobody's."""
        if len(self._strangers) < _STRANGERS_MAX:
            self._strangers[client, tenant_id] = time.monotonic() + _STRANGER_S

    def _is_stranger(self, client: str, tenant_id: int) -> bool:
        until = self._strangers.get((client, tenant_id))
        if until is None:
            return False
        if until < time.monotonic():
            del self._strangers[client, tenant_id]
            return False
        return True

    def _tenant_of(self, scanned: Scanned) -> int:
        if scanned.kind == "cashier":
            return CASHIER_TENANT
        reference = self._services.engine.reference
        if reference is not self._reference or len(self._known) > _KNOWN_MAX:
            self._reference = reference
            self._known.clear()
        found = self._known.get(scanned.name)
        if found is None:
            found = self._known[scanned.name] = _look_up(reference, scanned)
        return found


def _look_up(reference: Reference, scanned: Scanned) -> int:
    if scanned.kind == "native":
        scheme, _, text = scanned.name.partition(" ")
        merchant = merchant_of_api_key(reference, text, time.time_ns() // 1000) if scheme.lower() == "bearer" else None
        return merchant.merchant_id if merchant is not None else UNKNOWN_TENANT
    app = find_app(reference, scanned.name) if len(scanned.name) <= 32 else None
    return app.merchant_id if app is not None else UNKNOWN_TENANT


def _deadline(request: Request) -> float | None:
    text = request.headers.get(DEADLINE_HEADER)
    return int(text) / 1000 if text and len(text) <= 9 and text.isascii() and text.isdecimal() else None


def _error(verdict: Verdict) -> ChuanliuError:
    return Busy(code="share_exceeded") if verdict is Verdict.OVER_SHARE else Busy()
