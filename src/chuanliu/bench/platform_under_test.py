"""The platform as a payment target: started with its own commands on a database and a data folder of the run."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from chuanliu.bench.alipay_requests import ACCEPTED_MARKER, AlipayApp, alipay_rows, alipay_template
from chuanliu.bench.ledger_bench import count_backlog
from chuanliu.bench.payment_stock_store import stock_payments
from chuanliu.bench.platform_process import Merchant, PlatformProcess, free_port
from chuanliu.bench.platform_stock_store import CODE_DIGITS, add_consumers, drop_database, mint_codes, missing_payments
from chuanliu.bench.report import Backlog
from chuanliu.bench.target import PLAIN, PaymentKind, Requests, Tally, native_rows, native_template
from chuanliu.clock import SHANGHAI
from chuanliu.runtime import Settings, ensure_database, with_database

Dialect = Literal["native", "alipay"]

UNIT_RATE = 1_000_000
"""So that no unit comes by load: a run says itself when they come."""

SUCCEEDED_MARKER = b'"status":"succeeded"'
"""Of a payment that is not in progress any more."""


class PlatformUnderTest:
    """`chuanliu up` with its gateways, folder and dispatcher. Use it as a context; its database goes at the end."""

    host = PlatformProcess.host

    def __init__(
        self,
        server_url: str,
        folder: Path,
        *,
        name: str = "chuanliu_bench",
        workers: int = 2,
        units_max: int = 0,
        merchants: int = 20,
        postgres_pid: int | None = None,
        others: Mapping[str, list[int]] | None = None,
    ) -> None:
        """`server_url` is any database of the server under test; `folder` is where this platform keeps its files.

        `others` are processes beside it that take part, by role.
        """
        data = folder / name
        self.name = name
        self.url = with_database(server_url, name)
        self.settings = Settings(
            data=data,
            master_key_file=data / "master.key",
            database_url=self.url,
            port=free_port(),
            workers=workers,
            units_max=units_max,
            unit_rate=UNIT_RATE,
            sandbox=True,
            log_level="warning",
        )
        self.merchants: list[Merchant] = []
        self._merchant_count = merchants
        self._server_url = server_url
        self._postgres_pid = postgres_pid
        self._others = others or {}
        self._process = PlatformProcess(self.settings)

    def __enter__(self) -> Self:
        drop_database(self._server_url, self.name)
        ensure_database(self.url)
        try:
            self._process.start()
            names = [f"压测商户 {number + 1}" for number in range(self._merchant_count)]
            with ThreadPoolExecutor(2) as pool:
                self.merchants = list(pool.map(self._process.add_merchant, names))
            add_consumers(self.url)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()
        drop_database(self._server_url, self.name)

    def payments(
        self, dialect: Dialect = "native", merchants: int | None = None, kind: PaymentKind = PLAIN
    ) -> PlatformPayments:
        """Payments to the first `merchants` merchants (all by default) over one dialect, as a target."""
        return PlatformPayments(self, dialect, self.merchants[:merchants], kind)

    def stock_payments(self, count: int, progress: Callable[[int, int], None] | None = None) -> None:
        """Make that many payments to all merchants, set-based."""
        stock_payments(self.url, [int(merchant.seller_id) for merchant in self.merchants], count, progress)

    def roles(self) -> dict[str, list[int]]:
        """Gateways, the worker and PostgreSQL, from the supervisor's status file, and the others."""
        roles = {**self._process.roles(), **self._others}
        if self._postgres_pid is not None:
            roles["postgres"] = [self._postgres_pid]
        return roles

    def audit(self, tally: Tally) -> str:
        """The generator's tally against what is stored, then `chuanliu audit`."""
        return missing_payments(self.url, tally) or self.audit_books()

    def audit_books(self) -> str:
        """ "clean" when `chuanliu audit` exits with 0, else the end of what it printed."""
        return self._process.audit_books()


@dataclass(frozen=True)
class PlatformPayments:
    """A payment target: some merchants of a running platform, paid over one dialect. Kinds are for the native one."""

    platform: PlatformUnderTest
    dialect: Dialect
    merchants: Sequence[Merchant]
    kind: PaymentKind = PLAIN

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
        """The platform's database: all its targets are audited together."""
        return self.platform.name

    def make_requests(self, count: int, folder: Path) -> Requests:
        """Mint codes and spool a payment for each; Alipay's are signed by all cores beforehand."""
        codes = mint_codes(self.platform.url, count)
        run = secrets.token_hex(4)
        path = folder / f"{self.dialect}-{run}.spool"
        where = f"{self.host}:{self.port}"
        if self.dialect == "native":
            rows = native_rows([merchant.api_key for merchant in self.merchants], codes, run)
            template = native_template(CODE_DIGITS, where, self.kind)
            marker = b"" if self.kind is PLAIN else SUCCEEDED_MARKER
        else:
            apps = [AlipayApp(merchant.app_id, merchant.app_private_key) for merchant in self.merchants]
            rows = alipay_rows(apps, codes, run, f"{datetime.now(SHANGHAI):%Y-%m-%d %H:%M:%S}")
            template, marker = alipay_template(where), ACCEPTED_MARKER
        with path.open("wb") as spool:
            spool.writelines(rows)
        return Requests(template=template, spool_path=str(path), count=count, accepted_marker=marker)

    def backlog(self) -> Backlog | None:
        """Rows that wait for the folder and the dispatcher."""
        return count_backlog(self.platform.url)

    def roles(self) -> dict[str, list[int]]:
        """The platform's processes."""
        return self.platform.roles()

    def audit(self, tally: Tally) -> str:
        """The platform's audit."""
        return self.platform.audit(tally)
