"""Every scenario, by every SDK that a merchant may hold."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sdk.driver import Client, Driver, SdkError
from sdk.notification_receiver import NotificationReceiver
from sdk.platform_fixture import Consumer, Merchant, Platform
from sdk.scenarios import CHINESE, SCENARIOS, Scenario, Step, paid
from sdk.variants import OFFICIAL_PYTHON, VARIANTS, Variant

Clients = Callable[[Variant], Client]
V2_VARIANTS = tuple(variant for variant in VARIANTS if not variant.is_v3)
KEY_VARIANTS = tuple(variant for variant in VARIANTS if not variant.certificates and not variant.encrypted)
# Notifications are signed with RSA2; an SDK set to RSA checks for SHA-1.
NOTIFIED_VARIANTS = tuple(variant for variant in V2_VARIANTS if variant.settings.get("sign_type") != "RSA")
ROWS = [
    pytest.param(variant, scenario, id=f"{variant.name}: {scenario.name}")
    for variant in VARIANTS
    for scenario in SCENARIOS
    if variant.everything or scenario.life
]


def by_name(variant: Variant) -> str:
    return variant.name


class Run:
    """One run of a scenario: fills in the words and checks the answers."""

    def __init__(self, client: Client, platform: Platform, consumer: Consumer) -> None:
        self._client, self._platform, self._consumer = client, platform, consumer
        self._words = {"$order": "T" + secrets.token_hex(12)}
        self._words["$order-x"] = self._words["$order"] + "x"

    def step(self, step: Step) -> None:
        """Carry out a step and hold its answer against what is expected."""
        biz = {name: self._filled(value) for name, value in step.biz.items()}
        got = self._client.execute(step.raw, biz) if step.raw else self._client.trade(step.call, biz)
        if step.refused is not None:
            assert got.get("sub_code") == step.refused, got
            return
        assert got.get("code") == "10000", got
        for name, value in step.answer.items():
            named = isinstance(value, str) and value.startswith("$")
            expected = self._words.setdefault(value, got[name]) if named else value
            assert got.get(name) == expected, (name, got)
        assert not set(step.absent) & set(got), got
        if "trade_no" in got:
            assert self._words.setdefault("$trade_no", got["trade_no"]) == got["trade_no"]

    def _filled(self, value: Any) -> Any:
        if value == "$code":
            self._words["$used"] = self._platform.payment_code(self._consumer)
            return self._words["$used"]
        return self._words.get(value, value)


@pytest.mark.parametrize(("variant", "scenario"), ROWS)
def test_scenario(
    variant: Variant, scenario: Scenario, client_of: Clients, platform: Platform, consumer: Consumer
) -> None:
    run = Run(client_of(variant), platform, consumer)
    for step in scenario.steps:
        run.step(step)


@pytest.mark.parametrize("variant", KEY_VARIANTS, ids=by_name)
def test_wrong_signature(
    variant: Variant, platform: Platform, merchant: Merchant, driver_of: Callable[..., Driver]
) -> None:
    """A stranger's key: refused, signed, and with the string that the gateway expected to be signed."""
    stranger = platform.merchant("Stranger")
    config = platform.config(stranger, **variant.settings)
    config = replace(config, app_id=merchant.app_id, platform_public_key=merchant.platform_public_key)
    answer = driver_of(variant.sdk).open(config).trade("query", {"out_trade_no": "T1"})
    expected = "invalid-signature" if variant.is_v3 else "isv.invalid-signature"
    assert answer["sub_code"] == expected, answer
    if not variant.is_v3:
        assert answer["code"] == "40002"
        assert f"app_id={merchant.app_id}" in answer["sub_msg"]


@pytest.mark.parametrize("variant", KEY_VARIANTS, ids=by_name)
def test_an_answer_signed_by_another_key_is_not_believed(
    variant: Variant, platform: Platform, merchant: Merchant, driver_of: Callable[..., Driver]
) -> None:
    """The SDKs do verify: with another key in place of the platform's the very same call raises."""
    other = rsa.generate_private_key(65537, 2048).public_key()
    encoded = b64encode(other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    config = replace(platform.config(merchant, **variant.settings), platform_public_key=encoded)
    client = driver_of(variant.sdk).open(config)
    with pytest.raises(SdkError):
        client.trade("cancel", {"out_trade_no": "T" + secrets.token_hex(12)})


@pytest.mark.parametrize("variant", NOTIFIED_VARIANTS, ids=by_name)
def test_notifications(
    variant: Variant, client_of: Clients, platform: Platform, consumer: Consumer, receiver: NotificationReceiver
) -> None:
    """Paid, then partly refunded: both arrive, the SDK believes them, and not when a cent is changed."""
    client, order = client_of(variant), "T" + secrets.token_hex(12)
    biz = {**paid("20.00", CHINESE).biz, "out_trade_no": order, "auth_code": platform.payment_code(consumer)}
    assert client.trade("pay", biz, notify_url=f"{receiver.url}/notify")["code"] == "10000"
    form = receiver.notification(lambda fields: fields["out_trade_no"] == order)
    fields = dict(parse_qsl(form))
    assert (fields["trade_status"], fields["total_amount"], fields["subject"]) == ("TRADE_SUCCESS", "20.00", CHINESE)
    assert client.verifies(form)
    assert not client.verifies(form.replace("total_amount=20.00", "total_amount=20.01"))

    client.trade("refund", {"out_trade_no": order, "refund_amount": "5.00", "out_request_no": "r1"})
    form = receiver.notification(lambda fields: fields["out_trade_no"] == order and "refund_fee" in fields)
    fields = dict(parse_qsl(form))
    assert (fields["refund_fee"], fields["out_biz_no"], fields["trade_status"]) == ("5.00", "r1", "TRADE_SUCCESS")
    assert client.verifies(form)


@pytest.mark.parametrize("variant", V2_VARIANTS, ids=by_name)
def test_precreated_order_is_paid_by_scanning(
    variant: Variant, client_of: Clients, platform: Platform, consumer: Consumer
) -> None:
    client, order = client_of(variant), "T" + secrets.token_hex(12)
    made = client.trade("precreate", {"out_trade_no": order, "subject": "tea", "total_amount": "5.00"})
    platform.scan(consumer, made["qr_code"])
    answer = client.trade("query", {"out_trade_no": order})
    assert (answer["trade_status"], answer["total_amount"]) == ("TRADE_SUCCESS", "5.00")


@pytest.mark.parametrize("variant", V2_VARIANTS, ids=by_name)
def test_created_order_waits_for_its_buyer(variant: Variant, client_of: Clients, consumer: Consumer) -> None:
    client, order = client_of(variant), "T" + secrets.token_hex(12)
    biz = {"out_trade_no": order, "subject": "tea", "total_amount": "5.00", "buyer_id": consumer.user_id}
    made = client.trade("create", biz)
    assert (made["code"], made["out_trade_no"], len(made["trade_no"])) == ("10000", order, 28)


@pytest.mark.parametrize("variant", V2_VARIANTS, ids=by_name)
def test_app_order_string_is_paid(variant: Variant, client_of: Clients, platform: Platform, consumer: Consumer) -> None:
    client, order = client_of(variant), "T" + secrets.token_hex(12)
    biz = {"out_trade_no": order, "subject": CHINESE, "total_amount": "6.00", "product_code": "QUICK_MSECURITY_PAY"}
    order_string = client.page("app_pay", biz)
    assert "sign=" in unquote(order_string)
    platform.pay_in_app(consumer, order_string)
    assert client.trade("query", {"out_trade_no": order})["trade_status"] == "TRADE_SUCCESS"


@pytest.mark.parametrize("variant", V2_VARIANTS, ids=by_name)
def test_payment_that_waits_for_its_payer(variant: Variant, client_of: Clients, platform: Platform) -> None:
    """10003: the till asks until the consumer has confirmed."""
    client, order = client_of(variant), "T" + secrets.token_hex(12)
    careful = platform.consumer("500.00", "--confirm-above", "100.00")
    biz = {**paid("200.00").biz, "out_trade_no": order, "auth_code": platform.payment_code(careful)}
    answer = client.trade("pay", biz)
    assert answer["code"] == "10003", answer
    found = client.trade("query", {"out_trade_no": order})
    assert found["trade_status"] == "WAIT_BUYER_PAY", found
    platform.confirm(careful, found["trade_no"])
    assert client.trade("query", {"out_trade_no": order})["trade_status"] == "TRADE_SUCCESS"


def test_official_python_at_port_80(
    platform: Platform, merchant: Merchant, driver_of: Callable[..., Driver], consumer: Consumer
) -> None:
    """Without any rerouting, where the port can be bound."""
    url = platform.web_port_url()
    if url is None:
        pytest.skip("127.0.0.77:80 could not be bound by the platform")
    with_port_80 = replace(platform.config(merchant, key_format="PKCS1"), url=url)
    client, order = driver_of(OFFICIAL_PYTHON).open(with_port_80), "T" + secrets.token_hex(12)
    biz = {**paid("1.00").biz, "out_trade_no": order, "auth_code": platform.payment_code(consumer)}
    assert client.trade("pay", biz)["code"] == "10000"


def test_platform_certificate_download(client_of: Clients) -> None:
    """How an SDK follows a rotation of the platform's certificate: an unknown serial number is refused, signed."""
    certified = next(variant for variant in VARIANTS if variant.name == "node-v2-certificates")
    answer = client_of(certified).execute("alipay.open.app.alipaycert.download", {"alipay_cert_sn": "0" * 32})
    assert answer["code"] in ("40002", "40004"), answer


def test_v3_query_string(client_of: Clients) -> None:
    """A GET signs its encoded query as it is sent: an unknown resource is refused with an HTTP status, signed."""
    v3 = next(variant for variant in VARIANTS if variant.name == "node-v3")
    answer = client_of(v3).curl("GET", "/v3/alipay/trade/nothing", query={"subject": CHINESE + " &=%"})
    assert answer["http_status"] in (404, 400), answer
    assert answer["sub_code"] != "invalid-signature", answer
