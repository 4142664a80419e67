"""The start page of a sandbox: what it is, credentials, snippets, wallets, live figures, and the JSON it polls."""

from __future__ import annotations

import msgspec
from markupsafe import Markup

from chuanliu.web.drawing import barcode_svg, qr_svg, sparkline_path
from chuanliu.web.language import Language
from chuanliu.web.rendering import render
from chuanliu.web.snippets import Credentials, snippets
from chuanliu.web.texts import text
from chuanliu.web.wording import amount_text, count_text, grouped_digits, rate_text


class Wallet(msgspec.Struct, frozen=True):
    """A demo consumer's wallet with the payment code (digits) that it shows now."""

    user_id: str
    masked_name: str
    balance_minor: int
    payment_code: str
    currency: str = "CNY"


class LiveFigures(msgspec.Struct, frozen=True):
    """Counters since the data began, and payments a second of the last minutes, oldest first."""

    payments_per_second: float = 0.0
    history: tuple[float, ...] = ()
    paid_count: int = 0
    paid_minor: int = 0
    currency: str = "CNY"
    refund_count: int = 0
    notification_count: int = 0
    folder_backlog: int = 0
    dispatcher_backlog: int = 0


class StartView(msgspec.Struct, frozen=True):
    """The start page.

    `base_url` is scheme and authority, such as `http://127.0.0.1:8080`. `official_base_url` is the address at port 80
    that the official Python SDK can reach; where it could not be opened it is empty and `official_refusal` says why.
    `live_url` answers `live_json`, `wallets_url` answers `wallets_json`, and `payment_code_url` answers the digits of a
    wallet's present payment code as plain text: snippets fetch it, so that they work each time they are run. Paths of
    this site; `demo_order_action` takes a POST of `csrf_token` and `lang`, makes an order and redirects to the cashier.
    """

    language: Language
    page_path: str
    base_url: str
    credentials: Credentials
    wallets: tuple[Wallet, ...]
    live: LiveFigures
    live_url: str
    wallets_url: str
    payment_code_url: str
    demo_order_action: str
    csrf_token: str
    reference_url: str
    operations_url: str = "/operations"
    official_base_url: str = ""
    official_refusal: str = ""


class _Drawing(msgspec.Struct, frozen=True):
    line: str
    area: str


class _LiveTexts(msgspec.Struct, frozen=True):
    figures: dict[str, str]
    sparkline: _Drawing


class _WalletFace(msgspec.Struct, frozen=True):
    user_id: str
    code: str
    digits: str
    balance: str
    barcode: Markup
    qr: Markup


def render_start(view: StartView) -> str:
    """The start page as HTML."""
    return render(
        "start.html",
        view.language,
        view=view,
        live=_live_texts(view.live),
        wallets=[(wallet, _wallet_face(wallet, view.language)) for wallet in view.wallets],
        snippets=snippets(
            view.credentials,
            view.language,
            base_url=view.base_url,
            official_base_url=view.official_base_url,
            payment_code_url=view.base_url + view.payment_code_url,
        ),
    )


def live_json(live: LiveFigures) -> bytes:
    """What the page polls: texts of the figures by name, and the path data of the sparkline."""
    return msgspec.json.encode(_live_texts(live))


def wallets_json(wallets: tuple[Wallet, ...], language: Language) -> bytes:
    """What the page polls: each wallet's code with its drawings."""
    faces = [_wallet_face(wallet, language) for wallet in wallets]
    return msgspec.json.encode({"wallets": faces}, enc_hook=str)  # the drawings are Markup, a kind of text


def _live_texts(live: LiveFigures) -> _LiveTexts:
    figures = {
        "payments_per_second": rate_text(live.payments_per_second),
        "paid_total": amount_text(live.paid_minor, live.currency),
        "paid_count": count_text(live.paid_count),
        "refund_count": count_text(live.refund_count),
        "notification_count": count_text(live.notification_count),
        "backlog": f"{count_text(live.folder_backlog)} / {count_text(live.dispatcher_backlog)}",
    }
    return _LiveTexts(figures, _Drawing(*sparkline_path(live.history)))


def _wallet_face(wallet: Wallet, language: Language) -> _WalletFace:
    return _WalletFace(
        user_id=wallet.user_id,
        code=wallet.payment_code,
        digits=grouped_digits(wallet.payment_code),
        balance=amount_text(wallet.balance_minor, wallet.currency),
        barcode=barcode_svg(wallet.payment_code, text("start.barcode_label", language)),
        qr=qr_svg(wallet.payment_code, text("start.wallet_qr_label", language)),
    )
