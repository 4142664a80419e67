"""Signed Alipay v2 `trade.pay` requests, made in advance by all cores, so that signing is not what is measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from urllib.parse import urlencode

import msgspec
import psutil

from chuanliu.bench.http_framing import request_template
from chuanliu.bench.target import AMOUNT, SUBJECT
from chuanliu.crypto import sign

ACCEPTED_MARKER = b'"code":"10000"'
_CHUNK = 500


class AlipayApp(msgspec.Struct, frozen=True):
    """Who signs: application number and private key (PKCS #8, bare base64)."""

    app_id: str
    private_key: str


def alipay_template(host: str) -> bytes:
    """Template of a signed form as the Node and Java SDKs send it; spooled are query, length of the body, and body."""
    headers = [("content-type", "application/x-www-form-urlencoded;charset=utf-8"), ("content-length", "%b")]
    return request_template("POST", "/gateway.do?%b", host, headers, "%b")


def alipay_rows(apps: Sequence[AlipayApp], codes: Sequence[str], run: str, timestamp: str) -> Iterator[bytes]:
    """Spool lines of signed payments, spread evenly over the apps. `timestamp` is Shanghai wall time.

    One signature costs a core about half a millisecond; one process a core makes them.
    """
    jobs = [(apps[number % len(apps)], f"{run}_{number:09d}", code, timestamp) for number, code in enumerate(codes)]
    with ProcessPoolExecutor(psutil.cpu_count(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(_row, jobs, chunksize=_CHUNK)


def _row(job: tuple[AlipayApp, str, str, str]) -> bytes:
    app, reference, code, timestamp = job
    return alipay_row(app, reference, code, timestamp)


def alipay_row(app: AlipayApp, reference: str, code: str, timestamp: str) -> bytes:
    """One spool line: common parameters and signature in the query, `biz_content` in the body."""
    content = json.dumps(
        {
            "out_trade_no": reference,
            "total_amount": AMOUNT,
            "subject": SUBJECT,
            "scene": "bar_code",
            "auth_code": code,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
    common = {
        "app_id": app.app_id,
        "method": "alipay.trade.pay",
        "format": "json",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": timestamp,
        "version": "1.0",
    }
    signed = "&".join(f"{key}={value}" for key, value in sorted({**common, "biz_content": content}.items()))
    query = urlencode({**common, "sign": sign(signed.encode(), app.private_key)})
    body = urlencode({"biz_content": content})
    return f"{query}\t{len(body)}\t{body}\n".encode()
