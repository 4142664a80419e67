"""The text behind an order's QR code: an address of the platform that ends in the trade number."""

from __future__ import annotations

from chuanliu.ids import order_id_of, trade_no


def qr_text(public_url: str, order_id: int) -> str:
    """What a merchant shows as a QR code: `{public_url}/qr/{trade_no}`."""
    return f"{public_url}/qr/{trade_no(order_id)}"


def order_id_of_qr(text: str) -> int | None:
    """The order behind a scanned text: the address that `qr_text` makes, or the bare trade number. Else None."""
    return order_id_of(text.strip().partition("?")[0].rstrip("/").rpartition("/")[2])
