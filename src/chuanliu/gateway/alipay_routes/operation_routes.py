"""Running a method for a proven caller, and signing off the event loop: what v2, v3 and order strings share."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

from chuanliu.clock import Micros
from chuanliu.crypto import SignType
from chuanliu.engine import Query
from chuanliu.errors import ChuanliuError
from chuanliu.gateway.alipay.answers import SUCCESS, Answer, gateway_answer
from chuanliu.gateway.alipay.biz_content import CertificateRequest, read_biz_content
from chuanliu.gateway.alipay.business_answers import answer_for
from chuanliu.gateway.alipay.fields import FieldInvalid
from chuanliu.gateway.alipay.members import Members
from chuanliu.gateway.alipay.operations import CERTIFICATE_DOWNLOAD, OPERATIONS, Site, buyer_to_check
from chuanliu.gateway.alipay.ordering import Caller
from chuanliu.gateway.composition import Services
from chuanliu.parties import App, SigningKey, find_app, platform_certificate, signing_key_for
from chuanliu.trade import PayOutcome

log = structlog.get_logger(__name__)

_APP_ID_MAX: Final = 32

_Result = TypeVar("_Result")


def now_micros() -> Micros:
    """The wall clock, for time stamps of the wire and their skew. Business time is the database's."""
    return time.time_ns() // 1000


def app_of(services: Services, app_id: str) -> App | None:
    """The app that a request names, if there is one, however wrong the rest of the request is."""
    return find_app(services.engine.reference, app_id) if len(app_id) <= _APP_ID_MAX else None


def signing_key_of_app(services: Services, app: App | None) -> SigningKey:
    """What signs answers to an app; the platform's current key for whoever has none.

    Raises `NotFound(key_not_found)` before the platform has keys.
    """
    return signing_key_for(services.engine.reference, services.vault, app)


def caller_of(app: App, sign_type: SignType, notify_url: str | None, return_url: str | None) -> Caller:
    """The app as `trade` is told of it."""
    return Caller(app.merchant_id, app.app_id, sign_type, notify_url, return_url)


async def run_operation(
    services: Services, method: str, content: bytes, caller: Caller, now: Micros
) -> tuple[Answer, Members]:
    """Read the business fields, do what is asked, and put the outcome into the wire's words. Never raises."""
    try:
        biz = read_biz_content(method, content)
        if method == CERTIFICATE_DOWNLOAD:
            assert isinstance(biz, CertificateRequest)
            return SUCCESS, _certificate(services, biz.alipay_cert_sn)
        engine = services.engine
        check = buyer_to_check(biz)
        if check is not None:
            await engine.ask(check)
        operation = OPERATIONS[method]
        asked = operation.ask(biz, caller, now)
        outcome = await (engine.ask(asked) if isinstance(asked, Query) else engine.submit(asked))
        if isinstance(outcome, PayOutcome):
            outcome = await services.banks.settle(outcome)
        return operation.tell(biz, outcome, Site(services.public_url, engine.reference))
    except ChuanliuError as error:
        return answer_for(error, method), {}
    except Exception:
        log.exception("a method failed in an unforeseen way", method=method)
        return gateway_answer("isp.unknow-error"), {}


def _certificate(services: Services, cert_sn: str) -> Members:
    certificate = platform_certificate(services.engine.reference, cert_sn)
    if certificate is None:
        raise FieldInvalid("alipay_cert_sn", "不存在")
    return {"alipay_cert_content": b64encode(certificate.encode()).decode()}


async def in_signer(services: Services, work: Callable[[], _Result]) -> _Result:
    """Run what signs in one of the signer threads: RSA lets go of the interpreter lock."""
    return await asyncio.get_running_loop().run_in_executor(services.signers, work)
