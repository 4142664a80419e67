"""Opening a v2 request: common parameters, signature, decryption, in the gateway's order of complaints.

Missing parameters come first (40001), then malformed ones, then an unknown app, then the signature, so that who is
not proven learns nothing about an app but whether it exists.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import datetime
from functools import lru_cache
from typing import Final, cast

import msgspec

from chuanliu.clock import HOUR, SHANGHAI, Micros, from_datetime
from chuanliu.crypto import SignType, decrypt_content
from chuanliu.errors import Invalid
from chuanliu.gateway.alipay.answers import GatewayRefused, gateway_answer
from chuanliu.gateway.alipay.emission import WRITING_CODECS
from chuanliu.gateway.alipay.parameters import RawParameters
from chuanliu.gateway.alipay.sign_string import request_sign_string, signature_matches
from chuanliu.parties import AppKeys

TIMESTAMP_SKEW_MAX: Final = 26 * HOUR
"""SDKs write the machine's local time although the wire says GMT+8, so every time zone has to pass."""

_REQUIRED: Final = (
    (b"method", "isv.missing-method"),
    (b"app_id", "isv.missing-app-id"),
    (b"sign_type", "isv.missing-signature-type"),
    (b"sign", "isv.missing-signature"),
    (b"timestamp", "isv.missing-timestamp"),
    (b"version", "isv.missing-version"),
)
_SIGN_BYTES_MAX: Final = 1024
_ECHO_MAX: Final = 8192
_URL_MAX: Final = 1024


class OpenedRequest(msgspec.Struct, frozen=True):
    """A request that is proven to be the app's.

    `biz_content` is UTF-8 JSON, decrypted, `{}` where there was none. `codec` is the one that reads the request; the
    answer's is in its `ResponseFrame`.
    """

    method: str
    app: AppKeys
    params: dict[str, str]
    biz_content: bytes
    sign_type: SignType
    codec: str
    by_certificate: bool
    encrypted: bool

    @property
    def notify_url(self) -> str | None:
        """Where notifications of this order go, at most 1024 characters."""
        return self.params.get("notify_url") or None

    @property
    def return_url(self) -> str | None:
        """Where the browser goes after the cashier."""
        return self.params.get("return_url") or None


def open_request(
    raw: RawParameters,
    *,
    methods: Container[str],
    find_app: Callable[[str], AppKeys | None],
    now: Micros,
) -> OpenedRequest:
    """Check and open a request. Raises `GatewayRefused` with the answer for the wire.

    `methods` are the names served; `find_app` answers None for an unknown or disabled app.
    """
    for name, sub_code in _REQUIRED:
        if not raw.get(name):
            raise GatewayRefused(sub_code)
    codec, params = _decoded(raw)
    method = params["method"]
    if method not in methods:
        raise GatewayRefused("isv.invalid-method")
    sign_type = _checked_common(params, now)
    app = find_app(params["app_id"]) if len(params["app_id"]) <= 32 else None
    if app is None:
        raise GatewayRefused("isv.invalid-app-id")
    by_certificate = bool(params.get("app_cert_sn"))
    _check_signature(raw, params, app, sign_type, codec=codec)
    biz_content = _plain_content(raw, params, app, codec)
    if params.get("app_auth_token"):
        raise GatewayRefused("isv.not-support-app-auth")
    return OpenedRequest(
        method=method,
        app=app,
        params=params,
        biz_content=biz_content,
        sign_type=sign_type,
        codec=codec,
        by_certificate=by_certificate,
        encrypted=bool(params.get("encrypt_type")),
    )


def _decoded(raw: RawParameters) -> tuple[str, dict[str, str]]:
    charset = raw.get(b"charset") or b"utf-8"
    codec = WRITING_CODECS.get(charset.decode("ascii", "replace").lower())
    if codec is None:
        raise GatewayRefused("isv.invalid-charset")
    if codec != "utf-8":
        codec = "gb18030"  # contains GBK and GB 2312
    try:
        return codec, {name.decode(codec): value.decode(codec) for name, value in raw.items()}
    except UnicodeDecodeError:
        raise GatewayRefused("isv.invalid-charset", "字符集错误：参数与 charset 不一致") from None


def _checked_common(params: dict[str, str], now: Micros) -> SignType:
    if (params.get("format") or "json").lower() != "json":
        raise GatewayRefused("isv.invalid-format")
    if params["version"] != "1.0":
        raise GatewayRefused("isv.invalid-parameter", "参数无效：version 必须为 1.0")
    sign_type = params["sign_type"]
    if sign_type not in ("RSA2", "RSA"):
        raise GatewayRefused("isv.invalid-signature-type")
    if abs(_timestamp(params["timestamp"]) - now) > TIMESTAMP_SKEW_MAX:
        raise GatewayRefused("isv.invalid-timestamp")
    if params.get("encrypt_type", "AES") not in ("", "AES"):
        raise GatewayRefused("isv.decryption-error-not-valid-encrypt-type")
    for name in ("notify_url", "return_url"):
        url = params.get(name)
        if url and not (url.startswith(("http://", "https://")) and len(url) <= _URL_MAX and url.isprintable()):
            raise GatewayRefused("isv.invalid-parameter", f"参数无效：{name}")
    return cast("SignType", sign_type)


@lru_cache(maxsize=1024)
def _timestamp(text: str) -> Micros:
    """`yyyy-MM-dd HH:mm:ss` in GMT+8. Cached, as one second's requests share their text."""
    if len(text) != 19 or text[4::3] != "-- ::":
        raise GatewayRefused("isv.invalid-timestamp")
    try:
        return from_datetime(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI))
    except (ValueError, OverflowError):
        raise GatewayRefused("isv.invalid-timestamp") from None


def _check_signature(
    raw: RawParameters, params: dict[str, str], app: AppKeys, sign_type: SignType, *, codec: str
) -> None:
    keys = app.public_keys
    cert_sn = params.get("app_cert_sn")
    if cert_sn:
        root_cert_sn = params.get("alipay_root_cert_sn")
        if not root_cert_sn:
            raise GatewayRefused("isv.missing-alipay-root-cert-sn")
        if root_cert_sn != app.root_cert_sn:
            raise GatewayRefused("isv.invalid-alipay-root-cert-sn")
        keys = (app.certificates[cert_sn],) if cert_sn in app.certificates else ()
    if not keys:
        raise GatewayRefused("isv.missing-signature-config")
    signature = params["sign"]
    if len(signature) <= _SIGN_BYTES_MAX and signature_matches(raw, signature, keys, sign_type):
        return
    echo = request_sign_string(raw).decode(codec)[:_ECHO_MAX]
    sub_msg = gateway_answer("isv.invalid-signature").sub_msg
    raise GatewayRefused("isv.invalid-signature", f"{sub_msg}，网关生成的验签字符串为：{echo}")


def _plain_content(raw: RawParameters, params: dict[str, str], app: AppKeys, codec: str) -> bytes:
    content = params.get("biz_content")
    if not content:
        return b"{}"
    if not params.get("encrypt_type"):
        return raw[b"biz_content"] if codec == "utf-8" else content.encode()
    if app.encrypt_key is None:
        raise GatewayRefused("isv.decryption-error-not-valid-encrypt-key")
    try:
        return decrypt_content(content, app.encrypt_key).decode(codec).encode()
    except (Invalid, UnicodeDecodeError):
        raise GatewayRefused("isv.decryption-error-unknown") from None
