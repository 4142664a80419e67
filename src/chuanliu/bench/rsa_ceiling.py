"""How many RSA-2048 signatures this machine can make and verify: the limit of any dialect that signs each answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import psutil
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_MESSAGE = b"app_id=2088000000001001&biz_content=" + b"x" * 400


class RsaCeiling(msgspec.Struct, frozen=True):
    """Rates per second. `payments_all_cores`: one verification and one signature each, on all cores, nothing else."""

    cores: int
    sign_one_core: float
    verify_one_core: float
    sign_all_cores: float
    verify_all_cores: float
    payments_all_cores: float


def measure_rsa(seconds: float = 1.0) -> RsaCeiling:
    """Measure with `seconds` for each of five figures; threads suffice because RSA releases the interpreter lock."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key()
    signature = key.sign(_MESSAGE, padding.PKCS1v15(), hashes.SHA256())

    def sign() -> None:
        key.sign(_MESSAGE, padding.PKCS1v15(), hashes.SHA256())

    def verify() -> None:
        public.verify(signature, _MESSAGE, padding.PKCS1v15(), hashes.SHA256())

    def both() -> None:
        verify()
        sign()

    cores = psutil.cpu_count() or 1
    return RsaCeiling(
        cores=cores,
        sign_one_core=_rate(sign, 1, seconds),
        verify_one_core=_rate(verify, 1, seconds),
        sign_all_cores=_rate(sign, cores, seconds),
        verify_all_cores=_rate(verify, cores, seconds),
        payments_all_cores=_rate(both, cores, seconds),
    )


def _rate(work: Callable[[], None], threads: int, seconds: float) -> float:
    def repeat() -> float:
        done, began = 0, time.perf_counter()
        while (spent := time.perf_counter() - began) < seconds:
            work()
            done += 1
        return done / spent

    with ThreadPoolExecutor(threads) as pool:
        return round(sum(pool.map(lambda _: repeat(), range(threads))), 1)
