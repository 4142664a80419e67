"""Pay, ask, refund with PyPI `alipay-sdk-python`.

The SDK knows ports 80 and 443 only, so CHUANLIU_URL has no port, such as http://127.0.0.77. APP_PRIVATE_KEY is the
PKCS#1 form, `app_private_key_pkcs1`; AUTH_CODE is a consumer's payment code.
"""

import json
import os
import time

from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.domain.AlipayTradePayModel import AlipayTradePayModel
from alipay.aop.api.domain.AlipayTradeQueryModel import AlipayTradeQueryModel
from alipay.aop.api.domain.AlipayTradeRefundModel import AlipayTradeRefundModel
from alipay.aop.api.request.AlipayTradePayRequest import AlipayTradePayRequest
from alipay.aop.api.request.AlipayTradeQueryRequest import AlipayTradeQueryRequest
from alipay.aop.api.request.AlipayTradeRefundRequest import AlipayTradeRefundRequest

config = AlipayClientConfig()
config.server_url = os.environ["CHUANLIU_URL"] + "/gateway.do"
config.app_id = os.environ["APP_ID"]
config.app_private_key = os.environ["APP_PRIVATE_KEY"]
config.alipay_public_key = os.environ["PLATFORM_PUBLIC_KEY"]
client = DefaultAlipayClient(config)


def call(request):
    """Execute a request; the SDK has verified the signature of what it returns."""
    answer = json.loads(client.execute(request))
    print(json.dumps(answer, ensure_ascii=False))
    if answer["code"] != "10000":
        raise SystemExit(answer["sub_code"])
    return answer


order = AlipayTradePayModel()
order.out_trade_no = f"example_{time.time_ns()}"
order.scene = "bar_code"
order.auth_code = os.environ["AUTH_CODE"]
order.subject = "龙井茶"
order.total_amount = "8.88"
paid = call(AlipayTradePayRequest(biz_model=order))

query = AlipayTradeQueryModel()
query.trade_no = paid["trade_no"]
call(AlipayTradeQueryRequest(biz_model=query))

refund = AlipayTradeRefundModel()
refund.trade_no = paid["trade_no"]
refund.refund_amount = "1.00"
refund.out_request_no = "refund_1"
call(AlipayTradeRefundRequest(biz_model=refund))
