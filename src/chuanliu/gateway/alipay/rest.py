"""OpenAPI v3: REST paths, the `authorization` header, signed response headers, errors as HTTP statuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from chuanliu.clock import MINUTE, Micros
from chuanliu.crypto import decrypt_content, encrypt_content, sign, verify
from chuanliu.errors import Invalid
from chuanliu.gateway.alipay.answers import Answer, GatewayRefused
from chuanliu.parties import AppKeys

SCHEME: Final = "ALIPAY-SHA256withRSA"
TIMESTAMP_SKEW_MAX: Final = 15 * MINUTE

_PREFIX: Final = "/v3/"
_PATH: Final = re.compile(r"/v3(?:/[a-z0-9_]{1,40}){2,8}\Z")
_AUTHORIZATION_MAX: Final = 4096
_MILLIS: Final = re.compile(r"[0-9]{13}\Z")

_STATUS_BY_CODE: Final = {
    "20000": 500,
    "20001": 401,
    "40001": 400,
    "40002": 400,
    "40003": 403,
    "40004": 400,
    "40005": 429,
    "40006": 403,
}
_STATUS_BY_SUB_CODE: Final = {
    "isv.invalid-signature": 401,
    "isv.missing-signature": 401,
    "isv.missing-signature-config": 401,
    "isv.invalid-app-id": 401,
    "isv.missing-app-id": 401,
    "isv.invalid-timestamp": 401,
    "isv.app-cert-expired": 401,
    "isv.invalid-method": 404,
    "ACQ.TRADE_NOT_EXIST": 404,
    "ACQ.ACCESS_FORBIDDEN": 403,
    "ACQ.SYSTEM_ERROR": 500,
}


class Authorization(msgspec.Struct, frozen=True):
    """The parsed header. `signed_text` is what stands between the scheme and `,sign=`, as sent."""

    app_id: str
    nonce: str
    timestamp_millis: int
    signature: str
    signed_text: str
    app_cert_sn: str | None = None


class RestRequest(msgspec.Struct, frozen=True):
    """A v3 request as received: `target` is path and query as sent, `body` the bytes as sent (encrypted or not).

    `headers` are looked up by lower-case name.
    """

    http_method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


class OpenedRest(msgspec.Struct, frozen=True):
    """A v3 request that is proven to be the app's; `content` is the JSON of its business fields."""

    method: str
    app: AppKeys
    content: bytes
    by_certificate: bool
    encrypted: bool


def method_of_path(path: str) -> str | None:
    """`/v3/alipay/trade/pay` is `alipay.trade.pay`; None for another path."""
    return path.removeprefix(_PREFIX).replace("/", ".") if _PATH.match(path) else None


def path_of_method(method: str) -> str:
    """The REST path of a method."""
    return _PREFIX + method.replace(".", "/")


def parse_authorization(header: str) -> Authorization:
    """Read the `authorization` header. Raises `GatewayRefused` that says what is missing or wrong."""
    scheme, _, rest = header.partition(" ")
    if not header:
        raise GatewayRefused("isv.missing-signature")
    if scheme != SCHEME or len(header) > _AUTHORIZATION_MAX:
        raise GatewayRefused("isv.invalid-signature-type")
    signed_text, separator, signature = rest.strip().rpartition(",sign=")
    if not separator or not signature:
        raise GatewayRefused("isv.missing-signature")
    members: dict[str, str] = {}
    for pair in signed_text.split(","):
        name, _, value = pair.strip().partition("=")
        if name in members:
            raise GatewayRefused("isv.invalid-parameter", f"参数无效：authorization 中 {name[:32]} 重复")
        members[name] = value
    if not members.get("app_id"):
        raise GatewayRefused("isv.missing-app-id")
    if not members.get("timestamp"):
        raise GatewayRefused("isv.missing-timestamp")
    if _MILLIS.match(members["timestamp"]) is None:
        raise GatewayRefused("isv.invalid-timestamp")
    if not members.get("nonce"):
        raise GatewayRefused("isv.invalid-parameter", "参数无效：缺少 nonce")
    return Authorization(
        app_id=members["app_id"],
        nonce=members["nonce"],
        timestamp_millis=int(members["timestamp"]),
        signature=signature,
        signed_text=signed_text,
        app_cert_sn=members.get("app_cert_sn") or None,
    )


def rest_sign_string(request: RestRequest, signed_text: str, signed_body: bytes | None = None) -> bytes:
    """What a v3 request signs. `signed_body` replaces the body where only part of it is signed (multipart `data`)."""
    body = request.body if signed_body is None else signed_body
    token = request.headers.get("alipay-app-auth-token")
    lines = [signed_text.encode(), request.http_method.encode(), request.target.encode(), body]
    if token:
        lines.append(token.encode())
    return b"\n".join(lines) + b"\n"


def open_rest(request: RestRequest, *, find_app: Callable[[str], AppKeys | None], now: Micros) -> OpenedRest:
    """Check and open a v3 request. Raises `GatewayRefused`.

    GET parameters become a JSON object of strings, so that both are read alike. Whether the method is served is the
    caller's to say, who knows the routes.
    """
    path, _, query = request.target.partition("?")
    method = method_of_path(path)
    if method is None:
        raise GatewayRefused("isv.invalid-method")
    authorization = parse_authorization(request.headers.get("authorization", ""))
    if abs(authorization.timestamp_millis * 1000 - now) > TIMESTAMP_SKEW_MAX:
        raise GatewayRefused("isv.invalid-timestamp")
    app = find_app(authorization.app_id) if len(authorization.app_id) <= 32 else None
    if app is None:
        raise GatewayRefused("isv.invalid-app-id")
    _check_rest_signature(request, authorization, app)
    if request.headers.get("alipay-app-auth-token"):
        raise GatewayRefused("isv.not-support-app-auth")
    encrypt_type = request.headers.get("alipay-encrypt-type", "")
    if encrypt_type not in ("", "AES"):
        raise GatewayRefused("isv.decryption-error-not-valid-encrypt-type")
    content = _query_object(query) if request.http_method in ("GET", "DELETE") else request.body
    if encrypt_type and request.body:
        content = _decrypted(request.body, app)
    return OpenedRest(
        method=method,
        app=app,
        content=content or b"{}",
        by_certificate=authorization.app_cert_sn is not None,
        encrypted=bool(encrypt_type),
    )


def rest_body(members: Mapping[str, object], encrypt_key: str | None = None) -> bytes:
    """The body of a success: the bare JSON object without code and msg, or its cipher text."""
    body = msgspec.json.encode(members)
    return body if encrypt_key is None else encrypt_content(body, encrypt_key).encode()


def rest_error(answer: Answer) -> tuple[int, bytes]:
    """HTTP status and JSON body of an error. Codes lose the `isv.`, `aop.`, `isp.` of v2; business codes stay."""
    sub_code = answer.sub_code or "isp.unknow-error"
    status = _STATUS_BY_SUB_CODE.get(sub_code) or _STATUS_BY_CODE.get(answer.code, 500)
    family, _, word = sub_code.partition(".")
    code = word if family in ("isv", "aop", "isp") else sub_code
    return status, msgspec.json.encode({"code": code, "message": answer.sub_msg or answer.msg, "links": []})


def rest_response_headers(
    body: bytes, key: str, *, timestamp_millis: int, nonce: str, trace_id: str, cert_sn: str | None = None
) -> dict[str, str]:
    """Signed headers of any v3 response, errors too. Names are lower case, as the PHP SDK looks them up exactly so."""
    message = b"%d\n%b\n%b\n" % (timestamp_millis, nonce.encode(), body)
    headers = {
        "alipay-timestamp": str(timestamp_millis),
        "alipay-nonce": nonce,
        "alipay-signature": sign(message, key),
        "alipay-trace-id": trace_id,
    }
    if cert_sn is not None:
        headers["alipay-sn"] = cert_sn
    return headers


def _check_rest_signature(request: RestRequest, authorization: Authorization, app: AppKeys) -> None:
    keys = app.public_keys
    if authorization.app_cert_sn is not None:
        root_cert_sn = request.headers.get("alipay-root-cert-sn")
        if root_cert_sn and root_cert_sn != app.root_cert_sn:
            raise GatewayRefused("isv.invalid-alipay-root-cert-sn")
        certified = app.certificates.get(authorization.app_cert_sn)
        keys = (certified,) if certified else ()
    if not keys:
        raise GatewayRefused("isv.missing-signature-config")
    message = rest_sign_string(request, authorization.signed_text)
    if not any(verify(message, authorization.signature, key) for key in keys):
        raise GatewayRefused("isv.invalid-signature")


def _query_object(query: str) -> bytes:
    members: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if name in members or len(members) == 128:
            raise GatewayRefused("isv.invalid-parameter", "参数无效：参数重复或过多")
        try:
            members[name] = unquote_to_bytes(value.replace("+", " ")).decode()
        except UnicodeDecodeError:
            raise GatewayRefused("isv.invalid-charset") from None
    return msgspec.json.encode(members)


def _decrypted(body: bytes, app: AppKeys) -> bytes:
    if app.encrypt_key is None:
        raise GatewayRefused("isv.decryption-error-not-valid-encrypt-key")
    try:
        return decrypt_content(body.decode("ascii"), app.encrypt_key)
    except (Invalid, UnicodeDecodeError):
        raise GatewayRefused("isv.decryption-error-unknown") from None
