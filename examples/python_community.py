"""Pay, ask, refund with PyPI `python-alipay-sdk`, at any port.

CHUANLIU_URL is such as http://127.0.0.1:8080, APP_PRIVATE_KEY the PKCS#8 form, `app_private_key`; AUTH_CODE is a
consumer's payment code.
"""

import json
import os
import time

from alipay import AliPay


def pem(kind, key):
    """The SDK takes PEM, not bare base64."""
    return f"-----BEGIN {kind}-----\n{key}\n-----END {kind}-----"


alipay = AliPay(
    appid=os.environ["APP_ID"],
    app_notify_url=None,
    app_private_key_string=pem("PRIVATE KEY", os.environ["APP_PRIVATE_KEY"]),
    alipay_public_key_string=pem("PUBLIC KEY", os.environ["PLATFORM_PUBLIC_KEY"]),
    sign_type="RSA2",
)
# The SDK has no argument for the gateway.
alipay._gateway = os.environ["CHUANLIU_URL"] + "/gateway.do"


def show(answer):
    """Print an answer, whose signature the SDK has verified, and stop where it is a refusal."""
    print(json.dumps(answer, ensure_ascii=False))
    if answer["code"] != "10000":
        raise SystemExit(answer["sub_code"])
    return answer


out_trade_no = f"example_{time.time_ns()}"
show(
    alipay.api_alipay_trade_pay(
        out_trade_no=out_trade_no,
        scene="bar_code",
        auth_code=os.environ["AUTH_CODE"],
        subject="龙井茶",
        total_amount="8.88",
    )
)
show(alipay.api_alipay_trade_query(out_trade_no=out_trade_no))
show(alipay.api_alipay_trade_refund(out_trade_no=out_trade_no, refund_amount="1.00", out_request_no="refund_1"))
