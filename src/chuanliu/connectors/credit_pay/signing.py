"""Signatures of the contract `credit-pay/v1`: the platform signs requests, the bank signs its answers to them.

What is signed names the bank, so that one bank cannot pass a request on to another, and an answer's text holds the
nonce of its request, so that an old answer is of no use.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Protocol

from chuanliu.crypto import sign, verify
from chuanliu.errors import Unauthenticated

SCHEME: Final = "credit-pay/v1"
BANK: Final = "chuanliu-bank"
KEY: Final = "chuanliu-key"
TIMESTAMP: Final = "chuanliu-timestamp"
NONCE: Final = "chuanliu-nonce"
SIGNATURE: Final = "chuanliu-signature"

SKEW_MAX_S: Final = 300
NONCE_CHARACTERS: Final = range(16, 65)
NONCES_MAX: Final = 1_000_000


class HeaderValues(Protocol):
    """Values by lower-case name."""

    def get(self, key: str, default: Any = None) -> Any:
        """The value under a name, or `default`."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key (PEM or bare base64) and the id by which the other side knows its public half."""

    key_id: str
    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request's signature covers. `path` is the contract's, without what an endpoint has before it;
    `timestamp` decimal seconds since 1970.
    """

    bank: str
    method: str
    path: str
    timestamp: str
    nonce: str


def request_text(signed: Signed, body: bytes) -> bytes:
    """What the platform signs of a request: eight lines, no line break at the end."""
    lines = (SCHEME, "request", signed.bank, signed.method, signed.path, signed.timestamp, signed.nonce, _digest(body))
    return "\n".join(lines).encode()


def answer_text(signed: Signed, status: int, body: bytes) -> bytes:
    """What the bank signs of its answer: nine lines, of which six are the request's."""
    head = (SCHEME, "answer", signed.bank, signed.method, signed.path, signed.timestamp, signed.nonce)
    return "\n".join((*head, str(status), _digest(body))).encode()


def sign_request(signed: Signed, body: bytes, key: SigningKey) -> dict[str, str]:
    """The signature headers of a request. Half a millisecond: run it in a thread where it is hot."""
    return {
        BANK: signed.bank,
        KEY: key.key_id,
        TIMESTAMP: signed.timestamp,
        NONCE: signed.nonce,
        SIGNATURE: sign(request_text(signed, body), key.private_key),
    }


def sign_answer(signed: Signed, status: int, body: bytes, key: SigningKey) -> dict[str, str]:
    """The signature headers of an answer."""
    return {KEY: key.key_id, SIGNATURE: sign(answer_text(signed, status, body), key.private_key)}


def answer_is_genuine(signed: Signed, status: int, body: bytes, headers: HeaderValues, keys: Mapping[str, str]) -> bool:
    """Whether one of the bank's keys (public, by id) signed this answer to this request."""
    key = keys.get(str(headers.get(KEY, "")))
    return key is not None and verify(answer_text(signed, status, body), str(headers.get(SIGNATURE, "")), key)


def signed_part(bank: str, method: str, path: str, headers: HeaderValues) -> Signed:
    """What the headers of a request say was signed, for the bank's answer; nothing is verified."""
    return Signed(bank, method, path, str(headers.get(TIMESTAMP, "")), str(headers.get(NONCE, "")))


class NonceMemory:
    """The nonces that came within the window, on the bank's side. Bounded: when full, the oldest make place."""

    def __init__(self, nonces_max: int = NONCES_MAX) -> None:
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._nonces_max = nonces_max

    def take(self, nonce: str, now_s: float) -> bool:
        """Remember a nonce; False where it has come before. To be called for verified requests only."""
        while self._seen and next(iter(self._seen.values())) < now_s - 2 * SKEW_MAX_S:
            self._seen.popitem(last=False)
        if nonce in self._seen:
            return False
        self._seen[nonce] = now_s
        if len(self._seen) > self._nonces_max:
            self._seen.popitem(last=False)
        return True


class RequestRefused(Unauthenticated):
    """A request that a bank does not take, by a code of the contract."""

    def __init__(self, contract_code: str, message: str) -> None:
        self.contract_code = contract_code
        super().__init__("signature_invalid", message)


def verify_request(
    signed: Signed, body: bytes, headers: HeaderValues, keys: Mapping[str, str], nonces: NonceMemory, now_s: float
) -> None:
    """Check a request as a bank must. `keys` are the platform's public keys by id; `signed.bank` is who we are.

    Raises `RequestRefused` with one of the contract's codes.
    """
    if headers.get(BANK) != signed.bank:
        raise RequestRefused("signature_invalid", "the request is for another bank")
    key = keys.get(str(headers.get(KEY, "")))
    if key is None:
        raise RequestRefused("signature_invalid", "the key is not known")
    if len(signed.nonce) not in NONCE_CHARACTERS:
        raise RequestRefused("signature_invalid", "the nonce has 16 to 64 characters")
    if not verify(request_text(signed, body), str(headers.get(SIGNATURE, "")), key):
        raise RequestRefused("signature_invalid", "the signature does not verify")
    if not signed.timestamp.isascii() or not signed.timestamp.isdigit() or len(signed.timestamp) > 12:
        raise RequestRefused("timestamp_outside_window", "the timestamp is seconds since 1970")
    if abs(int(signed.timestamp) - now_s) > SKEW_MAX_S:
        raise RequestRefused("timestamp_outside_window", "the timestamp is too far from this clock")
    if not nonces.take(signed.nonce, now_s):
        raise RequestRefused("nonce_used", "the nonce has come before")


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()
