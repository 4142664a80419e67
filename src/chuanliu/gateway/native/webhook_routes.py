"""Operations on webhook endpoints."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final

from chuanliu.clock import iso_text
from chuanliu.crypto import SEAL_RANDOMNESS, secret_text
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.account_documents import Delivery, NewWebhook, Webhook, WebhookChange, Webhooks
from chuanliu.gateway.native.delivery_routes import show_sent
from chuanliu.gateway.native.delivery_store import write_test_delivery
from chuanliu.gateway.native.event_body import TEST_KIND, TEST_PAYLOAD
from chuanliu.gateway.native.operation import Answer, Call, Operation
from chuanliu.gateway.native.reading_store import reading
from chuanliu.gateway.native.rendering import encode, time_or_none
from chuanliu.gateway.native.submission_routes import submit_secret
from chuanliu.gateway.native.webhook_queries import FindWebhook, ListWebhooks
from chuanliu.ids import cell_of_party, with_cell
from chuanliu.notifications import DestinationPolicy
from chuanliu.parties import (
    AddWebhook,
    DeleteWebhook,
    RotateWebhookSecret,
    UpdateWebhook,
    WebhookEndpoint,
    webhook_context,
)

_SECRET_BYTES: Final = 32


def _document(endpoint: WebhookEndpoint, secret: str | None = None) -> Webhook:
    return Webhook(
        webhook_id=str(endpoint.endpoint_id),
        url=endpoint.url,
        kinds=endpoint.kinds.split(","),
        status="disabled" if endpoint.status == "disabled" else "active",
        created_at=iso_text(endpoint.created_at),
        secret=secret,
        previous_secret_valid_until=time_or_none(endpoint.previous_valid_until),
    )


def _render(status: int, secret: str | None = None) -> Callable[[WebhookEndpoint], Answer]:
    return lambda endpoint: Answer(status, encode(_document(endpoint, secret)))


def _sealed_secret(services: Services, endpoint_id: int) -> tuple[str, bytes]:
    secret = secret_text(secrets.token_bytes(_SECRET_BYTES))
    context = webhook_context(endpoint_id)
    return secret, services.vault.seal(secret.encode(), context, secrets.token_bytes(SEAL_RANDOMNESS))


def _kinds_text(kinds: list[str]) -> str:
    return "*" if "*" in kinds else ",".join(sorted(set(kinds)))


def _check_url(services: Services, url: str) -> None:
    """Refuse what would never be delivered to. Names are resolved, and judged again, at each delivery."""
    DestinationPolicy(own_networks_allowed=services.sandbox).parse(url)


async def create_webhook(services: Services, call: Call) -> Answer:
    """Add an endpoint; its secret is in this answer and nowhere else."""
    body: NewWebhook = call.body
    _check_url(services, body.url)
    endpoint_id = with_cell(services.engine.ids.next(), cell_of_party(call.merchant_id))
    secret, sealed = _sealed_secret(services, endpoint_id)
    command = AddWebhook(call.merchant_id, endpoint_id, body.url, _kinds_text(list(body.kinds)), sealed)
    return await submit_secret(services, call, "create_webhook", command, _render(201, secret))


async def list_webhooks(services: Services, call: Call) -> Answer:
    """All endpoints."""
    found = await services.engine.ask(ListWebhooks(call.merchant_id))
    return Answer(200, encode(Webhooks(tuple(_document(endpoint) for endpoint in found))))


async def show_webhook(services: Services, call: Call) -> Answer:
    """One endpoint."""
    return _render(200)(await services.engine.ask(FindWebhook(call.merchant_id, call.id("webhook"))))


async def change_webhook(services: Services, call: Call) -> Answer:
    """Change an endpoint."""
    body: WebhookChange = call.body
    if body.url is not None:
        _check_url(services, body.url)
    command = UpdateWebhook(
        call.merchant_id,
        call.id("webhook"),
        body.url,
        _kinds_text(list(body.kinds)) if body.kinds is not None else None,
        body.status == "disabled" if body.status is not None else None,
    )
    return _render(200)(await services.engine.submit(command))


async def delete_webhook(services: Services, call: Call) -> Answer:
    """Delete an endpoint."""
    await services.engine.submit(DeleteWebhook(call.merchant_id, call.id("webhook")))
    return Answer(204, b"")


async def rotate_webhook_secret(services: Services, call: Call) -> Answer:
    """Make a new secret; for a day both sign."""
    endpoint_id = call.id("webhook")
    secret, sealed = _sealed_secret(services, endpoint_id)
    command = RotateWebhookSecret(call.merchant_id, endpoint_id, sealed)
    return await submit_secret(services, call, "rotate_webhook_secret", command, _render(200, secret))


async def test_webhook(services: Services, call: Call) -> Answer:
    """Send a test event."""
    endpoint = await services.engine.ask(FindWebhook(call.merchant_id, call.id("webhook")))
    ids = services.engine.ids
    ids.advance(time.time_ns() // 1_000_000)
    delivery_id, event_id = (with_cell(ids.next(), endpoint.cell) for _ in range(2))
    destination = DestinationPolicy(own_networks_allowed=services.sandbox).parse(endpoint.url).key
    async with reading(services) as connection:
        await write_test_delivery(
            connection,
            endpoint,
            delivery_id=delivery_id,
            event_id=event_id,
            destination=destination,
            kind=TEST_KIND,
            payload=TEST_PAYLOAD,
        )
        return await show_sent(connection, call.merchant_id, delivery_id)


_TAG: Final = "Webhooks"
_ALL: Final = "/v1/webhooks"
_ONE: Final = "/v1/webhooks/{webhook_id}"

OPERATIONS: Final = (
    Operation(
        "POST",
        _ALL,
        create_webhook,
        "Add an endpoint that gets your events",
        tag=_TAG,
        description="The answer holds the secret that signs. It is shown only now.",
        request=NewWebhook,
        response=Webhook,
        status=201,
        errors=("destination_refused", "merchant_not_found"),
        keyed=True,
    ),
    Operation("GET", _ALL, list_webhooks, "List your endpoints", tag=_TAG, response=Webhooks),
    Operation("GET", _ONE, show_webhook, "Read an endpoint", tag=_TAG, response=Webhook),
    Operation(
        "PATCH",
        _ONE,
        change_webhook,
        "Change an endpoint",
        tag=_TAG,
        request=WebhookChange,
        response=Webhook,
        errors=("destination_refused",),
    ),
    Operation(
        "DELETE",
        _ONE,
        delete_webhook,
        "Delete an endpoint",
        tag=_TAG,
        description="Its deliveries stay in the log.",
        response=None,
        status=204,
    ),
    Operation(
        "POST",
        _ONE + "/rotate_secret",
        rotate_webhook_secret,
        "Make a new secret",
        tag=_TAG,
        description="For a day both the new and the former secret sign; the header then holds two signatures.",
        response=Webhook,
        keyed=True,
    ),
    Operation(
        "POST",
        _ONE + "/test",
        test_webhook,
        "Send a test event to an endpoint",
        tag=_TAG,
        description="Follow the delivery to see what your server answered.",
        response=Delivery,
        status=202,
        errors=("destination_refused",),
    ),
)
