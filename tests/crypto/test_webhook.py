"""Standard Webhooks signatures."""

from __future__ import annotations

import pytest

from chuanliu.crypto import secret_text, sign_webhook, verify_webhook
from chuanliu.errors import Invalid

# The worked example of the specification's reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
SENT_AT = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_published_example() -> None:
    assert sign_webhook([SECRET], MESSAGE, SENT_AT, BODY) == SIGNATURE
    assert verify_webhook(SECRET, MESSAGE, SENT_AT, BODY, SIGNATURE)


def test_both_secrets_verify_during_rotation() -> None:
    fresh = secret_text(bytes(24))
    header = sign_webhook([SECRET, fresh], MESSAGE, SENT_AT, BODY)
    assert verify_webhook(SECRET, MESSAGE, SENT_AT, BODY, header)
    assert verify_webhook(fresh, MESSAGE, SENT_AT, BODY, header)
    assert not verify_webhook(secret_text(b"x" * 32), MESSAGE, SENT_AT, BODY, header)


@pytest.mark.parametrize("header", ["", "v1,", "v2," + SIGNATURE[3:], "v1,签名", SIGNATURE[3:]])
def test_other_headers_do_not_verify(header: str) -> None:
    assert not verify_webhook(SECRET, MESSAGE, SENT_AT, BODY, header)


def test_secret_that_is_not_base64_is_invalid() -> None:
    with pytest.raises(Invalid):
        sign_webhook(["whsec_!"], MESSAGE, SENT_AT, BODY)


def test_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="24 to 64"):
        secret_text(bytes(8))
