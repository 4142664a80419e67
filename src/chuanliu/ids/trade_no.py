"""The 28-digit number of an order on the Alipay wire: `yyyymmdd`, `2`, and the order id padded to 19 digits."""

from __future__ import annotations

from functools import lru_cache

from chuanliu.clock import SHANGHAI, to_datetime
from chuanliu.ids.snowflake import id_millis

_HOUR_MILLIS = 3_600_000


@lru_cache(maxsize=1024)
def _date_of_hour(hour: int) -> str:
    return f"{to_datetime(hour * _HOUR_MILLIS * 1000, SHANGHAI):%Y%m%d}"


def trade_no(order_id: int) -> str:
    """Write an order id as a trade number; the date is the id's, in Asia/Shanghai."""
    return f"{_date_of_hour(id_millis(order_id) // _HOUR_MILLIS)}2{order_id:019d}"


def order_id_of(text: str) -> int | None:
    """The order id in a trade number, or None where the text is not one of ours."""
    if len(text) != 28 or not text.isascii() or not text.isdigit():
        return None
    order_id = int(text[9:])
    return order_id if order_id < 2**63 and trade_no(order_id) == text else None
