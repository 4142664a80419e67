"""Commands of merchants, consumers and codes on a real engine, several at once where they meet."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest

from chuanliu.clock import DAY, HOUR, SECOND
from chuanliu.crypto import generate_key_pair, secret_text
from chuanliu.errors import ChuanliuError
from chuanliu.gateway import Services
from chuanliu.ids import CELLS, SHADOW_OFFSET, cell_of_party, is_party_number, with_cell
from chuanliu.ledger import SANDBOX, Chart, PostTransfer, account_of
from chuanliu.parties import (
    ATTEMPTS_MAX,
    SEALING_RANDOMNESS,
    AddConsumer,
    AddMerchant,
    AddWebhook,
    ChangeConsumer,
    DeleteWebhook,
    EndSignIn,
    FindConsumer,
    MintCodes,
    RotateAppKey,
    RotateWebhookSecret,
    StartSignIn,
    TopUp,
    UpdateWebhook,
    find_app_keys,
    new_api_key,
    payment_code_number,
    webhook_context,
)
from chuanliu.runtime import Settings, engine_session
from chuanliu.trade import CreateOrder, OrderSpec, PayOrder

T = TypeVar("T")
Session = Callable[[Callable[[Services], Awaitable[Any]]], Any]

PAIR = generate_key_pair()


@pytest.fixture(scope="module")
def session(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Run a function with an engine of its own on this module's database."""
    folder: Path = tmp_path_factory.mktemp("data")
    settings = Settings(folder, folder / "master.key", database_url=database_url, sandbox=True)

    def session(act: Callable[[Services], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            async with engine_session(settings) as services:
                return await act(services)

        return asyncio.run(run())

    return session


async def refused(work: Awaitable[Any]) -> str:
    """The code with which it is refused."""
    with pytest.raises(ChuanliuError) as caught:
        await work
    return caught.value.code


def test_parties_added_at_once_have_numbers_of_their_own(session: Session, database_url: str) -> None:
    async def act(services: Services) -> tuple[list[Any], list[Any]]:
        merchants = [services.engine.submit(AddMerchant(f"商户 {n}", public_key=PAIR.public)) for n in range(20)]
        consumers = [services.engine.submit(AddConsumer(f"用户 {n}", "", 100)) for n in range(20)]
        return await asyncio.gather(*merchants), await asyncio.gather(*consumers)

    merchants, consumers = session(act)
    numbers = [each.merchant.merchant_id for each in merchants] + [each.consumer_id for each in consumers]
    assert len(set(numbers)) == 40 and all(is_party_number(str(number)) for number in numbers)
    apps = {each.app.app_id for each in merchants}
    assert len(apps) == 20 and all(str(app).startswith("2021") and len(str(app)) == 16 for app in apps)
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT (SELECT version FROM reference_version), (SELECT max(version) FROM merchant)"
        ).fetchone()
    assert row is not None and row[0] == row[1]


def test_a_refused_merchant_uses_up_no_number(session: Session) -> None:
    async def act(services: Services) -> tuple[int, int]:
        first = await services.engine.submit(AddMerchant("一", public_key=PAIR.public))
        assert await refused(services.engine.submit(AddMerchant("二", public_key="not a key"))) == "invalid_parameter"
        second = await services.engine.submit(AddMerchant("三", public_key=PAIR.public))
        return first.merchant.merchant_id, second.merchant.merchant_id

    first, second = session(act)
    assert second == first + 1


def test_shadow_parties_live_in_shadow_cells(session: Session, database_url: str) -> None:
    async def act(services: Services) -> tuple[Any, Any]:
        merchant = await services.engine.submit(AddMerchant("影子", public_key=PAIR.public, shadow=True))
        return merchant, await services.engine.submit(AddConsumer("影子", "", 5_00, shadow=True))

    added, consumer = session(act)
    assert str(added.merchant.merchant_id).startswith("20889")
    cells = [added.merchant.cell, added.app.cell, added.app_key.cell, consumer.cell]
    assert all(SHADOW_OFFSET <= cell < SHADOW_OFFSET + CELLS for cell in cells)
    with psycopg.connect(database_url) as connection:
        mixed = connection.execute(
            "SELECT * FROM transfer"
            " WHERE (debit_account_id >> 18 >= 900000000000) <> (credit_account_id >> 18 >= 900000000000)"
        ).fetchall()
    assert mixed == []


def test_a_rotation_is_seen_by_every_engine(session: Session) -> None:
    other = generate_key_pair()

    async def act(services: Services) -> None:
        added = await services.engine.submit(AddMerchant("换", public_key=PAIR.public))
        assert added.app is not None
        app_id = added.app.app_id
        at_once = [services.engine.submit(RotateAppKey(app_id, key, HOUR)) for key in (other.public, other.public)]
        # Both arrive before the snapshot has the app: the lane refreshes it, and the second finds the first's key.
        first, second = await asyncio.gather(*at_once)
        assert first == second
        now = first.created_at
        await services.engine.submit(AddMerchant("下一批", public_key=PAIR.public))
        reference = services.engine.reference
        keys = find_app_keys(reference, services.vault, str(app_id), now)
        assert keys is not None and keys.public_keys == (other.public, PAIR.public)
        assert find_app_keys(reference, services.vault, str(app_id), now) is keys
        later = find_app_keys(reference, services.vault, str(app_id), now + HOUR)
        assert later is not None and later.public_keys == (other.public,)
        for unknown in ("2021000000999999", "x", "", "0" + str(app_id), "２０２１"):
            assert find_app_keys(reference, services.vault, unknown, now) is None

    session(act)


def test_codes_are_minted_once(session: Session) -> None:
    codes = tuple(payment_code_number(secrets.randbelow(10**16)) for _ in range(3))

    async def act(services: Services) -> None:
        engine = services.engine
        consumer = await engine.submit(AddConsumer("付款码", "", 0, 5000))
        minted = await engine.submit(MintCodes(consumer.consumer_id, codes, 30 * SECOND))
        assert [code.code for code in minted] == list(codes)
        assert {code.confirm_above_minor for code in minted} == {5000}
        assert await refused(engine.submit(MintCodes(consumer.consumer_id, codes))) == "busy"
        fresh = (payment_code_number(1),)
        assert await refused(engine.submit(MintCodes(consumer.consumer_id, fresh, 2 * DAY))) == "invalid_parameter"
        assert await refused(engine.submit(MintCodes(consumer.consumer_id, ()))) == "invalid_parameter"
        assert await refused(engine.submit(MintCodes(consumer.consumer_id + 10**6, fresh))) == "consumer_not_found"

    session(act)


def test_money_comes_from_the_funding_account(session: Session, database_url: str) -> None:
    async def act(services: Services) -> int:
        consumer = await services.engine.submit(AddConsumer("钱", "", 1_00))
        balances = await asyncio.gather(*(services.engine.submit(TopUp(consumer.consumer_id, 10)) for _ in range(5)))
        assert sorted(balances) == [110, 120, 130, 140, 150]
        assert await refused(services.engine.submit(TopUp(consumer.consumer_id + 10**6, 1))) == "consumer_not_found"
        assert await refused(services.engine.submit(AddConsumer("钱", "", -1))) == "invalid_amount"
        return consumer.consumer_id

    consumer_id = session(act)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT debit_account_id, sum(amount_minor)::bigint, count(*) FROM transfer"
            " WHERE subject_id = %s GROUP BY debit_account_id",
            [consumer_id],
        ).fetchall()
    assert rows == [(account_of(SANDBOX, Chart.SANDBOX_FUNDING, "CNY"), 150, 6)]


def test_nothing_leaves_a_blocked_wallet(session: Session) -> None:
    async def act(services: Services) -> None:
        engine = services.engine
        consumer_id = (await engine.submit(AddConsumer("停用", "", 100_00))).consumer_id
        added = await engine.submit(AddMerchant("店", public_key=PAIR.public))
        spec = OrderSpec(added.merchant.merchant_id, 0, "order-1", "qr", "茶", 10_00)
        order = await engine.submit(CreateOrder(spec))
        await engine.submit(ChangeConsumer(consumer_id, blocked=True))
        outcome = await engine.submit(PayOrder(order.order_id, consumer_id))
        assert outcome.result == "refused"
        wallet = account_of(consumer_id, Chart.CONSUMER_BALANCE, "CNY")
        funding = account_of(SANDBOX, Chart.SANDBOX_FUNDING, "CNY")
        assert await refused(engine.submit(PostTransfer(wallet, funding, 1, "x"))) == "account_blocked"
        await engine.submit(PostTransfer(funding, wallet, 1, "refund"))
        await engine.submit(ChangeConsumer(consumer_id, blocked=False))
        assert (await engine.submit(PayOrder(order.order_id, consumer_id))).result == "paid"
        view = await engine.ask(FindConsumer(consumer_id))
        assert view.account is not None and view.account.balance_minor == 90_01

    session(act)


def test_wrong_pay_passwords_lock_the_consumer(session: Session, database_url: str) -> None:
    async def act(services: Services) -> int:
        engine = services.engine
        consumer_id = (await engine.submit(AddConsumer("密码", "the hash"))).consumer_id
        assert (await engine.submit(StartSignIn(consumer_id))).pay_password_hash == "the hash"
        await engine.submit(EndSignIn(consumer_id))
        tries = await asyncio.gather(
            *(engine.submit(StartSignIn(consumer_id)) for _ in range(3 * ATTEMPTS_MAX)), return_exceptions=True
        )
        codes = [each.code for each in tries if isinstance(each, ChuanliuError)]
        assert codes == ["pay_password_locked"] * (2 * ATTEMPTS_MAX)
        return int(consumer_id)

    consumer_id = session(act)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE consumer SET locked_until = now() - interval '1 second' WHERE consumer_id = %s", [consumer_id]
        )

    async def again(services: Services) -> None:
        assert (await services.engine.submit(StartSignIn(consumer_id))).failed_attempts == 1
        changed = await services.engine.submit(ChangeConsumer(consumer_id, pay_password_hash="other"))
        assert (changed.failed_attempts, changed.locked_until) == (0, None)

    session(again)


def test_webhook_endpoints_belong_to_their_merchant(session: Session) -> None:
    async def act(services: Services) -> None:
        engine, vault = services.engine, services.vault
        added = await engine.submit(AddMerchant("回调", public_key=PAIR.public))
        other = await engine.submit(AddMerchant("别家", public_key=PAIR.public, api_key=new_api_key("cl_x")))
        merchant_id, stranger = added.merchant.merchant_id, other.merchant.merchant_id
        endpoint_id = with_cell(engine.ids.next(), cell_of_party(merchant_id))

        def sealed(text: str) -> bytes:
            return vault.seal(text.encode(), webhook_context(endpoint_id), secrets.token_bytes(SEALING_RANDOMNESS))

        first, second = (secret_text(secrets.token_bytes(32)) for _ in range(2))
        url = "https://shop.example/hooks"
        made = await engine.submit(AddWebhook(merchant_id, endpoint_id, url, "*", sealed(first)))
        assert vault.webhook_secrets(made, made.created_at) == [first]
        for work in (
            UpdateWebhook(stranger, endpoint_id, url="https://thief.example"),
            RotateWebhookSecret(stranger, endpoint_id, b""),
            DeleteWebhook(stranger, endpoint_id),
            DeleteWebhook(merchant_id, endpoint_id + 1),
        ):
            assert await refused(engine.submit(work)) == "webhook_not_found"
        for bad in ("ftp://x", "https://", "https:// x", "https://x/" + "y" * 1100, "javascript:alert(1)"):
            assert await refused(engine.submit(UpdateWebhook(merchant_id, endpoint_id, url=bad))) == "invalid_parameter"
        assert await refused(engine.submit(UpdateWebhook(merchant_id, endpoint_id, kinds="A B"))) == "invalid_parameter"
        changed = await engine.submit(UpdateWebhook(merchant_id, endpoint_id, kinds="order.paid", disabled=True))
        assert (changed.kinds, changed.status, changed.url) == ("order.paid", "disabled", url)
        rotated = await engine.submit(RotateWebhookSecret(merchant_id, endpoint_id, sealed(second), HOUR))
        until = rotated.previous_valid_until or 0
        assert vault.webhook_secrets(rotated, until - 1) == [second, first]
        assert vault.webhook_secrets(rotated, until) == [second]
        await engine.submit(DeleteWebhook(merchant_id, endpoint_id))
        assert await refused(engine.submit(DeleteWebhook(merchant_id, endpoint_id))) == "webhook_not_found"

    session(act)
