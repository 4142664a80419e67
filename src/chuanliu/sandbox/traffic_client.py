"""Gentle traffic: a street of small shops and their customers, a few orders a second, over the real gateway.

Run as a process of its own beside the platform; where the gateway is away it waits, longer each time.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import structlog

from chuanliu.gateway.start import Roster, read_roster
from chuanliu.runtime import CannotStart, Settings, configure_log, settings_of_process, stop_on_signals
from chuanliu.sandbox.cast import SHOPS
from chuanliu.sandbox.gateway_client import GatewayAway, GatewayClient
from chuanliu.sandbox.merchant_client import MerchantClient, RequestRefused, new_number
from chuanliu.sandbox.wallet_client import WalletClient

log = structlog.get_logger(__name__)

ORDERS_PER_SECOND: Final = 3.0
_SWELL: Final = 0.6
_SWELL_S: Final = 120.0
_UNDER_WAY_MAX: Final = 64
_PAUSE_S_MIN: Final = 0.5
_PAUSE_S_MAX: Final = 10.0
_REFUNDED: Final = 0.12
_REFUND_AFTER_S: Final = (2.0, 15.0)

_IN_INSTALMENTS: Final = (
    {"hb_fq_num": "3", "hb_fq_seller_percent": "0"},
    {"hb_fq_num": "12", "hb_fq_seller_percent": "0"},
    {"fq_channels": "alipayfq_cc", "fq_num": "6", "fq_seller_percent": "0"},
    {"fq_channels": "alipayfq_cc", "fq_num": "12", "fq_seller_percent": "100"},
)
"""What orders in instalments ask for in `extend_params`."""

Scene = Callable[[MerchantClient, WalletClient, str, int], Awaitable[None]]


class Street:
    """The shops, the wallets, and what happens between them. `dice` makes a run repeatable."""

    def __init__(self, gateway: GatewayClient, roster: Roster, public_url: str, dice: random.Random) -> None:
        self._dice = dice
        self._wallets = [WalletClient(gateway, consumer) for consumer in roster.consumers]
        shops = {shop.name: shop for shop in SHOPS}
        self._shops = [
            (MerchantClient(gateway, merchant, public_url), shops[merchant.name].goods)
            for merchant in roster.merchants
            if merchant.name in shops
        ]
        self._large = [(shop, shops[shop.name].large) for shop, _ in self._shops if shops[shop.name].large]
        self._scenes: dict[Scene, int] = {
            self.pay_at_the_till: 40,
            self.pay_at_a_native_till: 30,
            self.scan: 14,
            self.scan_native: 8,
            self.give_up: 5,
            self.cancel: 3,
            self.pay_in_instalments: 10,
            self.scan_in_instalments: 6,
        }

    async def act(self) -> None:
        """One customer in one shop, start to end. Raises `RequestRefused`, `GatewayAway`."""
        scene = self._dice.choices(list(self._scenes), list(self._scenes.values()))[0]
        large = scene in (self.pay_in_instalments, self.scan_in_instalments)
        merchant, goods = self._dice.choice(self._large if large else self._shops)
        subject, low, high = self._dice.choice(goods)
        # Prices end in a zero of fen, as price tags do.
        amount_minor = self._dice.randint(low // 10, high // 10) * 10
        await scene(merchant, self._dice.choice(self._wallets), subject, amount_minor)

    async def pay_at_the_till(self, shop: MerchantClient, wallet: WalletClient, subject: str, amount: int) -> None:
        """Barcode payment; now and then something is brought back."""
        number = new_number()
        await shop.pay_by_code(number, await wallet.show_code(), subject, amount)
        if await self._brought_back():
            await shop.refund(number, self._part_of(amount))

    async def pay_at_a_native_till(self, shop: MerchantClient, wallet: WalletClient, subject: str, amount: int) -> None:
        """The same over the native API."""
        payment_id = await shop.pay_native(new_number(), await wallet.show_code(), subject, amount)
        if await self._brought_back():
            await shop.refund_native(payment_id, self._part_of(amount))

    async def scan(self, shop: MerchantClient, wallet: WalletClient, subject: str, amount: int) -> None:
        """The shop shows a QR code, the customer scans it, the shop asks whether it is paid."""
        number = new_number()
        qr_code = await shop.show_qr(number, subject, amount)
        await asyncio.sleep(self._dice.uniform(0.5, 3.0))
        if not await wallet.scan(qr_code):
            await shop.end(number, "close")
        await shop.ask(number)

    async def scan_native(self, shop: MerchantClient, wallet: WalletClient, subject: str, amount: int) -> None:
        """A QR code of the native API."""
        await wallet.scan(await shop.order_native(new_number(), subject, amount))

    async def give_up(self, shop: MerchantClient, _wallet: WalletClient, subject: str, amount: int) -> None:
        """The customer looks at the price and leaves; the shop closes the order."""
        number = new_number()
        await shop.show_qr(number, subject, amount)
        await asyncio.sleep(self._dice.uniform(1.0, 4.0))
        await shop.end(number, "close")

    async def cancel(self, shop: MerchantClient, wallet: WalletClient, subject: str, amount: int) -> None:
        """The till loses patience right after the payment and takes it back."""
        number = new_number()
        await shop.pay_by_code(number, await wallet.show_code(), subject, amount)
        await shop.end(number, "cancel")

    async def pay_in_instalments(self, shop: MerchantClient, wallet: WalletClient, subject: str, amount: int) -> None:
        """The till shows what the customer can pay by; she takes one of the cheaper half, whoever lends."""
        number, code = new_number(), await wallet.show_code()
        quote = await shop.quote(number, code, amount)
        offers = [each for each in quote["offers"] if each["instalments"] > 1]
        if not offers:
            raise RequestRefused("no instalments are offered")
        offer = self._dice.choice(offers[: -(-len(offers) // 2)])
        payment_id, paid = await shop.pay_quoted(number, code, subject, amount, quote["quote_id"], offer["offer"])
        if paid and await self._brought_back():
            await shop.refund_native(payment_id, self._part_of(amount))

    async def scan_in_instalments(self, shop: MerchantClient, wallet: WalletClient, subject: str, amount: int) -> None:
        """A QR code of an order in instalments, on the platform's line or by a card; the cashier proposes the offer."""
        number = new_number()
        qr_code = await shop.show_qr(number, subject, amount, self._dice.choice(_IN_INSTALMENTS))
        await asyncio.sleep(self._dice.uniform(0.5, 3.0))
        if await wallet.scan(qr_code) and await self._brought_back():
            await shop.refund(number, self._part_of(amount))
        await shop.ask(number)

    async def _brought_back(self) -> bool:
        if self._dice.random() >= _REFUNDED:
            return False
        await asyncio.sleep(self._dice.uniform(*_REFUND_AFTER_S))
        return True

    def _part_of(self, amount: int) -> int:
        return amount if self._dice.random() < 0.5 else max(1, amount // self._dice.randint(2, 4))


class Traffic:
    """Sends customers down the street until it is cancelled."""

    def __init__(self, street: Street, dice: random.Random, orders_per_second: float = ORDERS_PER_SECOND) -> None:
        self._street = street
        self._dice = dice
        self._rate = orders_per_second
        self._pause_s = 0.0
        self._under_way: set[asyncio.Task[None]] = set()

    async def flow(self) -> None:
        """Poisson arrivals whose rate swells and ebbs; none while the gateway is away."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            while True:
                swell = 1 + _SWELL * math.sin(2 * math.pi * (loop.time() - began) / _SWELL_S)
                await asyncio.sleep(self._dice.expovariate(self._rate * swell) + self._pause_s)
                if len(self._under_way) < _UNDER_WAY_MAX:
                    customer = asyncio.create_task(self._customer())
                    self._under_way.add(customer)
                    customer.add_done_callback(self._under_way.discard)
        finally:
            for customer in self._under_way:
                customer.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _customer(self) -> None:
        try:
            await self._street.act()
        except GatewayAway as error:
            if not self._pause_s:
                log.warning("the gateway is away", reason=str(error))
            self._pause_s = min(_PAUSE_S_MAX, max(_PAUSE_S_MIN, 2 * self._pause_s))
            return
        except RequestRefused as refusal:
            log.info("refused", reason=str(refusal))
        except Exception:
            log.exception("a customer met something unforeseen")
        self._pause_s = 0.0


async def run(settings: Settings) -> None:
    """Traffic until SIGTERM or SIGINT. Raises `CannotStart` without a roster."""
    roster = read_roster(settings.data)
    if roster is None:
        raise CannotStart("the sandbox has no merchants yet: start it by `chuanliu demo`")
    stop = stop_on_signals()
    dice = random.Random()  # noqa: S311 - shoppers, not secrets
    # Past any proxy: the traffic is this machine's own.
    async with GatewayClient(replace(settings, public_url=None).url) as gateway:
        street = Street(gateway, roster, settings.url, dice)
        flowing = asyncio.create_task(Traffic(street, dice).flow())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([flowing, stopping], return_when=asyncio.FIRST_COMPLETED)
        flowing.cancel()
        await asyncio.gather(flowing, return_exceptions=True)


if __name__ == "__main__":
    import uvloop

    process_settings = settings_of_process()
    configure_log(process_settings.log_level)
    uvloop.run(run(process_settings))
