"""Every text of the pages, Chinese and English side by side. Error sentences are in `error_texts`."""

from __future__ import annotations

from typing import Final

from chuanliu.web.language import Language

TEXTS: Final[dict[str, tuple[str, str]]] = {
    # Frame
    "brand": ("川流", "Chuanliu"),
    "sandbox": ("沙箱", "Sandbox"),
    "skip": ("跳到正文", "Skip to content"),
    "language_switch": ("English", "中文"),
    "home": ("回到首页", "Back to the start page"),
    "copy": ("复制", "Copy"),
    "copied": ("已复制", "Copied"),
    "footer": ("川流 · 开源支付平台 · 每一分钱都算得清", "Chuanliu · open-source payments · correct to the cent"),
    # Cashier
    "cashier.title": ("收银台", "Cashier"),
    "cashier.order": ("订单信息", "Your order"),
    "cashier.amount": ("应付金额", "Amount due"),
    "cashier.merchant": ("收款商家", "Merchant"),
    "cashier.subject": ("商品", "For"),
    "cashier.out_trade_no": ("商户订单号", "Merchant order no."),
    "cashier.trade_no": ("交易号", "Trade no."),
    "cashier.remaining": ("剩余支付时间", "Time left to pay"),
    "cashier.expires_at": ("请在 {time} 前完成支付", "Pay by {time} (UTC+8)"),
    "cashier.back": ("返回商家", "Back to merchant"),
    "cashier.sign_in": ("登录后付款", "Sign in to pay"),
    "cashier.sign_in_hint": ("沙箱里没有真钱，选一位演示用户即可。", "No real money here: pick any demo consumer."),
    "cashier.demo_consumers": ("演示用户", "Demo consumers"),
    "cashier.own_number": ("用户号登录", "Use a user number"),
    "cashier.or": ("或", "or"),
    "cashier.user_id": ("用户号（2088 开头的 16 位数字）", "User number (16 digits, beginning 2088)"),
    "cashier.password": ("6 位支付密码", "6-digit payment password"),
    "cashier.sign_in_button": ("登录", "Sign in"),
    "cashier.balance": ("余额 {amount}", "Balance {amount}"),
    "cashier.scan": ("扫码付款", "Scan to pay"),
    "cashier.scan_hint": (
        "用手机钱包扫一扫，付款后此页会自动更新。",
        "Scan with a wallet; this page updates once you have paid.",
    ),
    "cashier.scan_refresh": ("我已付款，刷新", "I have paid: refresh"),
    "cashier.qr_label": ("付款二维码", "Payment QR code"),
    "cashier.payer": ("付款人", "Paying as"),
    "cashier.change_payer": ("换一个用户", "Use another account"),
    "cashier.method": ("付款方式", "Pay with"),
    "cashier.available": ("可用 {amount}", "{amount} available"),
    "cashier.pay_button": ("确认付款 {amount}", "Pay {amount}"),
    "cashier.paid": ("付款成功", "Payment successful"),
    "cashier.paid_at": ("付款时间", "Paid at"),
    "cashier.paid_with": ("付款方式", "Paid with"),
    "cashier.returning": ("3 秒后自动返回商家…", "Taking you back to the merchant in 3 seconds…"),
    "cashier.already_paid": ("该订单已支付", "This order has already been paid"),
    "cashier.already_paid_hint": ("无需重复付款。", "There is nothing more to pay."),
    "cashier.in_progress": ("付款处理中", "Payment in progress"),
    "cashier.in_progress_hint": (
        "我们正在确认结果，请不要重复付款。此页每 3 秒自动刷新。",
        "We are confirming the outcome; please do not pay again. This page refreshes every 3 seconds.",
    ),
    "cashier.refresh": ("立即刷新", "Refresh now"),
    "cashier.closed": ("订单已关闭", "This order is closed"),
    "cashier.closed_hint": (
        "没有扣款。如仍需购买，请回商家重新下单。",
        "You were not charged. To buy it, order again at the merchant.",
    ),
    "cashier.expired": ("订单已超时", "This order has expired"),
    "cashier.expired_hint": (
        "支付时间已过，没有扣款。请回商家重新下单。",
        "Its time to pay is over; you were not charged. Please order again.",
    ),
    "cashier.insufficient_hint": (
        "可以换一种付款方式，或换一个用户。",
        "Choose another method, or use another account.",
    ),
    "method.balance": ("账户余额", "Account balance"),
    # Start page
    "start.title": ("川流已经跑起来了", "Chuanliu is up and running"),
    "start.lead": (
        "开源支付平台：把官方支付宝 SDK 的网关指到这里，就能收款、查询、退款，账目精确到分。",
        "An open-source payment platform: point an official Alipay SDK here, then pay, query and refund, "
        "correct to the cent.",
    ),
    "start.address": ("网关地址", "Gateway"),
    "start.make_order": ("创建一笔订单，打开收银台", "Make an order, open the cashier"),
    "start.reference": ("API 文档", "API reference"),
    "start.live": ("此刻的流量", "Flowing right now"),
    "start.live_hint": ("沙箱商户的演示流量，每两秒更新。", "Gentle demo traffic, refreshed every two seconds."),
    "start.payments_per_second": ("笔付款 / 秒", "payments a second"),
    "start.sparkline": ("最近每秒付款笔数的曲线", "Payments a second, most recent at the right"),
    "start.paid_total": ("累计收款", "paid in total"),
    "start.paid_count": ("付款笔数", "payments"),
    "start.refund_count": ("退款笔数", "refunds"),
    "start.notification_count": ("已送达通知", "notifications delivered"),
    "start.backlog": ("待记账 / 待派发", "waiting: folder / dispatcher"),
    "start.next": ("接下来做什么", "What to do next"),
    "start.step_1": ("拿一套沙箱密钥", "Take the sandbox keys"),
    "start.step_1_hint": (
        "下面的商户已经建好，密钥可直接复制。",
        "The merchant below exists already; its keys are ready to copy.",
    ),
    "start.step_2": ("运行一段示例", "Run a snippet"),
    "start.step_2_hint": (
        "示例里已填好密钥，会用演示钱包的付款码付一笔、查一笔、退一笔。",
        "Keys are filled in: it takes a demo wallet's payment code, then pays, queries and refunds.",
    ),
    "start.step_3": ("像顾客一样付一次", "Pay like a customer"),
    "start.step_3_hint": (
        "打开收银台，或扫下面钱包的付款码。",
        "Open the cashier, or scan one of the wallets' payment codes.",
    ),
    "start.credentials": ("沙箱商户", "Sandbox merchant"),
    "start.credentials_hint": (
        "仅供沙箱使用。点一下即可全选。",
        "For the sandbox only. One click selects a whole value.",
    ),
    "start.app_id": ("应用 app_id", "App (app_id)"),
    "start.seller_id": ("商户 seller_id", "Merchant (seller_id)"),
    "start.api_key": ("原生 API 密钥", "Native API key"),
    "start.app_private_key": ("应用私钥 PKCS#8", "App private key, PKCS#8"),
    "start.app_private_key_hint": ("Java、Go、Node（keyType PKCS8）", "Java, Go, Node (keyType PKCS8)"),
    "start.app_private_key_pkcs1": ("应用私钥 PKCS#1", "App private key, PKCS#1"),
    "start.app_private_key_pkcs1_hint": ("官方 Python、PHP、Node 默认", "official Python, PHP, Node by default"),
    "start.platform_public_key": ("平台公钥", "Platform public key"),
    "start.platform_public_key_hint": ("即 SDK 里的“支付宝公钥”", "what the SDKs call the Alipay public key"),
    "start.snippets": ("复制就能跑的代码", "Code that runs as printed"),
    "start.snippet_language": ("选择 SDK", "Choose an SDK"),
    "start.install": ("先安装", "Install first"),
    "start.official_label": ("Python 官方", "Python official"),
    "start.official_listens": (
        "官方 Python SDK 只连 80 或 443 端口，所以网关同时监听 {address}。",
        "The official Python SDK connects to port 80 or 443 only, so the gateway listens at {address} as well.",
    ),
    "start.official_refused": (
        "官方 Python SDK 只连 80 或 443 端口，而本机未能监听 127.0.0.77:80：{reason}。"
        "请改用社区版，或以可监听 80 端口的用户重新启动。",
        "The official Python SDK connects to port 80 or 443 only, and 127.0.0.77:80 could not be opened: {reason}. "
        "Use the community SDK, or start again as a user who may open port 80.",
    ),
    "start.wallets": ("演示钱包的付款码", "Demo wallets and their payment codes"),
    "start.wallets_hint": ("每个码只能用一次，过期自动换新。", "Each code pays once and is replaced when it expires."),
    "start.wallet_label": ("{name} 的付款码", "Payment code of {name}"),
    "start.barcode_label": ("付款码条码", "Payment code as a barcode"),
    "start.wallet_qr_label": ("付款码二维码", "Payment code as a QR code"),
    # Snippet comments
    "snippet.code": ("演示钱包此刻显示的付款码", "the payment code that a demo wallet shows at this moment"),
    "snippet.pay": ("付款", "pay"),
    "snippet.query": ("查询", "query"),
    "snippet.refund": ("部分退款", "refund a part"),
    "snippet.subject": ("一杯清茶", "A cup of tea"),
    # Reference
    "reference.title": ("API 文档", "API reference"),
    "reference.contents": ("目录", "Contents"),
    "reference.version": ("版本 {version}", "Version {version}"),
    "reference.servers": ("服务地址", "Servers"),
    "reference.document": ("下载 OpenAPI 3.1 文档", "Download the OpenAPI 3.1 document"),
    "reference.authentication": ("认证", "Authentication"),
    "reference.parameters": ("参数", "Parameters"),
    "reference.request_body": ("请求体", "Request body"),
    "reference.responses": ("响应", "Responses"),
    "reference.example": ("示例", "Example"),
    "reference.schemas": ("数据结构", "Schemas"),
    "reference.errors": ("错误码", "Error codes"),
    "reference.errors_hint": (
        "错误以 RFC 9457 的 application/problem+json 返回，code 永不改变含义。",
        "Errors are RFC 9457 application/problem+json; a code never changes its meaning.",
    ),
    "reference.code": ("错误码", "Code"),
    "reference.meaning": ("含义", "Meaning"),
    "reference.required": ("必填", "required"),
    "reference.deprecated": ("已弃用", "deprecated"),
    "reference.other": ("其他", "Other"),
    "reference.no_body": ("无响应体", "No body"),
    # Notices
    "notice.code": ("错误码", "Code"),
    "notice.trace_id": ("追踪号", "Trace id"),
    "notice.trace_hint": ("联系我们时请附上追踪号。", "Please quote the trace id when you contact us."),
    "notice.not_found": ("没有找到这个页面", "We cannot find that page"),
    "notice.not_found_hint": (
        "地址可能有误，或者链接已失效。",
        "The address may be mistyped, or the link is no longer valid.",
    ),
    "notice.internal": ("我们这边出了点问题", "Something went wrong on our side"),
    "notice.internal_hint": (
        "请先查询结果再决定是否重试；若已付款，款项不会丢失。",
        "Check the outcome before you try again; a payment already made is never lost.",
    ),
    "notice.problem": ("无法继续", "We cannot go on"),
    "notice.waiting": ("正在排队，请稍候", "You are in line"),
    "notice.waiting_hint": (
        "此刻付款的人很多，轮到您时此页会自动继续，无需操作。",
        "Many people are paying right now. This page goes on by itself when it is your turn.",
    ),
    "notice.waiting_ahead": ("前面约 {count} 人", "About {count} ahead of you"),
    "notice.waiting_safe": (
        "排队期间不会扣款，订单会为您保留。",
        "Nothing is charged while you wait, and your order is kept.",
    ),
    "notice.waiting_next": ("{seconds} 秒后自动重试。", "Trying again in {seconds} seconds."),
    "notice.waiting_now": ("立即重试", "Try now"),
}


def text(key: str, language: Language, **values: str | int) -> str:
    """One text with its `{names}` filled in. Raises `KeyError` for a key or a value that is missing."""
    pair = TEXTS[key]
    chosen = pair[0] if language is Language.ZH else pair[1]
    return chosen.format_map(values) if values else chosen
