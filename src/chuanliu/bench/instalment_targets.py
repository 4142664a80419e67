"""What `bench instalments` loads on a platform besides payments: quotes that are confirmed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chuanliu.bench.instalment_stock_client import Buyer
from chuanliu.bench.platform_process import Merchant
from chuanliu.bench.platform_under_test import PlatformUnderTest
from chuanliu.bench.quote_stock_store import copy_quotes
from chuanliu.bench.report import Backlog
from chuanliu.bench.target import Requests, Tally, confirmation_template

CONFIRMED_MARKER = b'"confirmed":true'


@dataclass(frozen=True)
class Confirmations:
    """A target whose requests confirm copies of quotes that some buyers have with one merchant."""

    platform: PlatformUnderTest
    merchant: Merchant
    buyers: Sequence[Buyer]

    @property
    def host(self) -> str:
        """Loopback."""
        return self.platform.host

    @property
    def port(self) -> int:
        """The gateway's."""
        return self.platform.settings.port

    @property
    def workers(self) -> int:
        """Gateway processes."""
        return self.platform.settings.workers

    @property
    def books(self) -> str:
        """Confirmations are counted apart from payments."""
        return f"{self.platform.name} quotes"

    def make_requests(self, count: int, folder: Path) -> Requests:
        """Copy quotes and spool a confirmation for each."""
        offers = {buyer.consumer_id: buyer.position + 1 for buyer in self.buyers}
        copies = copy_quotes(self.platform.url, [buyer.quote_id for buyer in self.buyers], count)
        path = folder / f"confirm-{secrets.token_hex(4)}.spool"
        with path.open("wb") as spool:
            spool.writelines(
                f"{quote_id}\t{self.merchant.api_key}\t{offers[consumer_id]}\n".encode()
                for quote_id, consumer_id in copies
            )
        return Requests(
            template=confirmation_template(f"{self.host}:{self.port}"),
            spool_path=str(path),
            count=count,
            accepted_marker=CONFIRMED_MARKER,
        )

    def backlog(self) -> Backlog | None:
        """Nothing waits behind a confirmation."""
        return None

    def roles(self) -> dict[str, list[int]]:
        """The platform's processes."""
        return self.platform.roles()

    def audit(self, tally: Tally) -> str:
        """The books; how many quotes are held is counted by who knows all that were confirmed."""
        del tally
        return self.platform.audit_books()
