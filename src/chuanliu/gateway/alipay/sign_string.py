"""The string that both sides sign in v2: parameters by name, `name=value`, joined by `&`, not urlencoded."""

from __future__ import annotations

from collections.abc import Sequence

from chuanliu.crypto import SignType, verify
from chuanliu.gateway.alipay.parameters import RawParameters


def request_sign_string(raw: RawParameters, *, keep_empty: bool = False) -> bytes:
    """What a request signs: everything but `sign` (so `sign_type` too), empty values left out unless `keep_empty`."""
    return b"&".join(
        [b"%b=%b" % item for item in sorted(raw.items()) if (item[1] or keep_empty) and item[0] != b"sign"]
    )


def form_sign_string(raw: RawParameters) -> bytes:
    """What a notification or a return URL signs: everything but `sign`, `sign_type` and empty values."""
    return b"&".join(
        [b"%b=%b" % item for item in sorted(raw.items()) if item[1] and item[0] not in (b"sign", b"sign_type")]
    )


def signature_matches(raw: RawParameters, signature: str, keys: Sequence[str], sign_type: SignType) -> bool:
    """Whether one of the app's public keys (several during rotation) signed the request.

    Tried without empty values first, then with them, because one SDK signs empty values that it sends.
    """
    message = request_sign_string(raw)
    if any(verify(message, signature, key, sign_type) for key in keys):
        return True
    if all(raw.values()):
        return False
    with_empty = request_sign_string(raw, keep_empty=True)
    return any(verify(with_empty, signature, key, sign_type) for key in keys)
