"""Questions about webhook endpoints, answered from reference data that is not older than the database."""

from __future__ import annotations

from chuanliu.engine import Context, Keys, Query, Reference, Seen
from chuanliu.errors import NotFound
from chuanliu.ids import cell_of_id
from chuanliu.parties import WEBHOOK_ENDPOINT, WebhookEndpoint


class ListWebhooks(Query[tuple[WebhookEndpoint, ...]], frozen=True):
    """The endpoints of a merchant, oldest first."""

    merchant_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        """Nothing: the snapshot is refreshed before the answer where it is stale."""

    def answer(self, seen: Seen, context: Context) -> tuple[WebhookEndpoint, ...]:
        found = context.reference.find(WEBHOOK_ENDPOINT, "merchant_id", self.merchant_id)
        return tuple(endpoint for endpoint in found if endpoint.status != "deleted")


class FindWebhook(Query[WebhookEndpoint], frozen=True):
    """An endpoint of a merchant. Raises `NotFound(webhook_not_found)`."""

    merchant_id: int
    endpoint_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        """Nothing: the snapshot is refreshed before the answer where it is stale."""

    def answer(self, seen: Seen, context: Context) -> WebhookEndpoint:
        endpoint = context.reference.get(WEBHOOK_ENDPOINT, cell_of_id(self.endpoint_id), self.endpoint_id)
        if endpoint is None or endpoint.merchant_id != self.merchant_id or endpoint.status == "deleted":
            raise NotFound("webhook_not_found")
        return endpoint
