"""Rendering of deliveries for the sender: in the dialect of whoever asked, signed with keys that are valid now."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from chuanliu.clock import Micros
from chuanliu.gateway import Services
from chuanliu.gateway.alipay import NOTIFICATION_CONTENT_TYPE, alipay_notification
from chuanliu.gateway.native import native_event, native_headers, subject_of
from chuanliu.ids import cell_of_party
from chuanliu.notifications import DueDelivery, Render, Rendered
from chuanliu.parties import APP, WEBHOOK_ENDPOINT, signing_key_for
from chuanliu.trade import snapshot_of

_AGENT: Final = "Chuanliu-Notifications/1"


def renderer(services: Services) -> Render:
    """What makes the signed request of a delivery; RSA runs in the threads of `services.signers`."""

    async def render(delivery: DueDelivery, now: Micros) -> Rendered | None:
        if delivery.dialect == "alipay":
            return await _alipay(services, delivery, now)
        return _native(services, delivery, now)

    return render


async def _alipay(services: Services, delivery: DueDelivery, now: Micros) -> Rendered:
    snapshot = snapshot_of(delivery.payload)
    reference = services.engine.reference
    # A revoked app is still told of what it sold.
    app = reference.get(APP, cell_of_party(snapshot.merchant_id), snapshot.app_id)
    key = signing_key_for(reference, services.vault, app).private_key
    sign = partial(alipay_notification, snapshot, delivery.event_id, now, key)
    body = await asyncio.get_running_loop().run_in_executor(services.signers, sign)
    return Rendered({"content-type": NOTIFICATION_CONTENT_TYPE, "user-agent": _AGENT}, body)


def _native(services: Services, delivery: DueDelivery, now: Micros) -> Rendered | None:
    endpoint = services.engine.reference.get(
        WEBHOOK_ENDPOINT, cell_of_party(delivery.merchant_id), delivery.endpoint_id
    )
    if endpoint is None or endpoint.status != "active":
        return None
    secrets = services.vault.webhook_secrets(endpoint, now)
    body = native_event(
        delivery.kind, subject_of(delivery.kind, delivery.payload), delivery.event_id, delivery.event_seq
    )
    return Rendered(native_headers(delivery.event_id, now, secrets, body) | {"user-agent": _AGENT}, body)
