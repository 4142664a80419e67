"""Whose request it is and of what class, by a look at its octets."""

from __future__ import annotations

import pytest

from chuanliu.gateway.edge.scanning import class_of_method, scan
from chuanliu.metering import TrafficClass
from chuanliu.serving import Request

PAY, REFUND, QUERY, BATCH = TrafficClass
APP = "2021000000000017"
MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="method"\r\n\r\nalipay.trade.pay\r\n'
    b'--x\r\nContent-Disposition: form-data; name="app_id"\r\n\r\n' + APP.encode() + b"\r\n--x--\r\n"
)


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (f"app_id={APP}&method=alipay.trade.pay&sign=x", b"biz_content=1"),
        (f"method=alipay.trade.pay&app_id={APP}", b""),
        ("", f"method=alipay.trade.pay&app_id={APP}".encode()),
        ("", f"biz_content=%7B%7D&app_id={APP}&method=alipay.trade.pay&sign=x".encode()),
        (f"my_app_id=1&app_id={APP}", b"old_method=x&method=alipay.trade.pay"),
        ("", MULTIPART),
    ],
)
def test_app_and_method_are_found_wherever_they_stand(query: str, body: bytes) -> None:
    scanned = scan(Request("POST", "/gateway.do", query, {}, body))
    assert scanned is not None
    assert (scanned.kind, scanned.name, scanned.method, scanned.traffic_class) == ("v2", APP, "alipay.trade.pay", PAY)


@pytest.mark.parametrize(
    "body", [b"", b"app_id", b"&&&", b'--x\r\nname="app_id"', b"\xff\xfe", b"app_id=" + b"9" * 10_000]
)
def test_what_cannot_be_read_names_nobody_and_stays_short(body: bytes) -> None:
    scanned = scan(Request("POST", "/gateway.do", "", {}, body))
    assert scanned is not None and scanned.traffic_class is QUERY
    assert len(scanned.name) <= 128 and not scanned.method


@pytest.mark.parametrize(
    ("method", "path", "kind", "expected"),
    [
        ("POST", "/v3/alipay/trade/pay", "v3", PAY),
        ("POST", "/v3/alipay/trade/query", "v3", QUERY),
        ("POST", "/v1/payments", "native", PAY),
        ("POST", "/v1/orders/12/refunds", "native", REFUND),
        ("GET", "/v1/orders/12", "native", QUERY),
        ("GET", "/v1/events", "native", BATCH),
        ("GET", "/cashier/20261127", "cashier", QUERY),
        ("POST", "/cashier/20261127/pay", "cashier", PAY),
        ("GET", "/qr/20261127", "cashier", QUERY),
    ],
)
def test_classes_by_path(method: str, path: str, kind: str, expected: TrafficClass) -> None:
    scanned = scan(Request(method, path, "", {"authorization": f"ALIPAY-SHA256withRSA app_id={APP},nonce=1"}))
    assert scanned is not None and (scanned.kind, scanned.traffic_class) == (kind, expected)
    assert kind != "v3" or scanned.name == APP


@pytest.mark.parametrize(
    "path", ["/healthz", "/metrics", "/admin/v1/merchants", "/", "/assets/x.css", "/docs", "/v1/openapi.json"]
)
def test_what_has_no_tenant_is_not_looked_at(path: str) -> None:
    assert scan(Request("GET", path)) is None


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("alipay.trade.page.pay", PAY),
        ("alipay.trade.create", PAY),
        ("alipay.trade.precreate", PAY),
        ("alipay.trade.refund", REFUND),
        ("alipay.trade.cancel", REFUND),
        ("alipay.trade.close", REFUND),
        ("alipay.trade.fastpay.refund.query", QUERY),
        ("alipay.data.dataservice.bill.downloadurl.query", BATCH),
        ("alipay.open.app.alipaycert.download", BATCH),
        ("no.such.pay", QUERY),
    ],
)
def test_classes_by_method(method: str, expected: TrafficClass) -> None:
    assert class_of_method(method) is expected
