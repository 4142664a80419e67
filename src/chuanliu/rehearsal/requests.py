"""Requests of shadow merchants over the native API, and what of their answers matters to a rehearsal."""

from __future__ import annotations

import re
from typing import Final

from chuanliu.money import format_amount

CURRENCY: Final = "CNY"
SUBJECT: Final = "压测订单 rehearsal"
WISH: Final = '{"allowed":["credit_card"],"instalments":3}'
"""By card, in three instalments."""

_ORDER_ID: Final = re.compile(rb'"order_id":"(\d{1,19})"')
_CODE: Final = re.compile(rb'"code":"([a-z_]{1,64})"')
_IN_PROGRESS: Final = b'"status":"in_progress"'


def _request(method: str, target: str, host: str, api_key: str, body: str = "", key: str = "") -> bytes:
    octets = body.encode()
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", f"authorization: Bearer {api_key}"]
    if key:
        lines.append(f"idempotency-key: {key}")
    if octets:
        lines += ["content-type: application/json", f"content-length: {len(octets)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + octets


def _amount(minor: int) -> str:
    return f'{{"currency":"{CURRENCY}","value":"{format_amount(minor, CURRENCY)}"}}'


def payment(host: str, api_key: str, reference: str, code: str, minor: int, *, by_card: bool) -> bytes:
    """Pay an order by a payment code, from the balance or by card in instalments."""
    wish = f',"wish":{WISH}' if by_card else ""
    body = f'{{"payment_code":"{code}","amount":{_amount(minor)},"subject":"{SUBJECT}"{wish}}}'
    return _request("POST", "/v1/payments", host, api_key, body, reference)


def order(host: str, api_key: str, reference: str, minor: int) -> bytes:
    """Create an order that nobody pays."""
    body = f'{{"amount":{_amount(minor)},"subject":"{SUBJECT}"}}'
    return _request("POST", "/v1/orders", host, api_key, body, reference)


def close(host: str, api_key: str, order_id: str, reference: str) -> bytes:
    """Close an order that was not paid."""
    return _request("POST", f"/v1/orders/{order_id}/close", host, api_key, "", reference)


def question(host: str, api_key: str, order_id: str) -> bytes:
    """Ask how it stands with an order."""
    return _request("GET", f"/v1/orders/{order_id}", host, api_key)


def refund(host: str, api_key: str, reference: str, request_no: str, minor: int) -> bytes:
    """Give a part of an order back."""
    body = f'{{"amount":{_amount(minor)},"reference":"{reference}"}}'
    return _request("POST", "/v1/refunds", host, api_key, body, request_no)


def order_of(answer: bytes) -> str | None:
    """The order's number in an answer."""
    found = _ORDER_ID.search(answer)
    return found.group(1).decode() if found is not None else None


def is_in_progress(answer: bytes) -> bool:
    """Whether a payment waits for its bank."""
    return _IN_PROGRESS in answer


def problem_code(answer: bytes) -> str:
    """The code of a problem document; empty where there is none."""
    found = _CODE.search(answer)
    return found.group(1).decode() if found is not None else ""
