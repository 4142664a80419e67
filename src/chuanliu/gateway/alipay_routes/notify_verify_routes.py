"""The legacy question whether a notification was ours: `gateway.do?service=notify_verify&partner=…&notify_id=…`."""

from __future__ import annotations

from typing import Final

from chuanliu.gateway.alipay.parameters import RawParameters
from chuanliu.gateway.composition import Services
from chuanliu.ids import cell_of_party, first_id_at, id_millis, is_party_number
from chuanliu.serving import Response

_MADE: Final = """
    SELECT 1 FROM delivery
    WHERE cell = %s AND merchant_id = %s AND delivery_id BETWEEN %s AND %s AND event_id = %s AND dialect = 'alipay'
    LIMIT 1
"""
_WINDOW_MILLIS: Final = 10 * 60 * 1000
"""A delivery is made within moments of its event. Ids are sorted by time, so only these are read: nobody signs this."""


def asks_notify_verify(raw: RawParameters) -> bool:
    """Whether a request is of this kind: it is not signed and names no method."""
    return raw.get(b"service") == b"notify_verify" and b"method" not in raw


async def notify_verify(services: Services, raw: RawParameters) -> Response:
    """`true` where the platform notified this merchant under this notify_id, else `false`."""
    partner = raw.get(b"partner", b"").decode("ascii", "replace")
    notify_id = raw.get(b"notify_id", b"").decode("ascii", "replace")
    if not (is_party_number(partner) and notify_id.isdecimal() and len(notify_id) <= 19 and int(notify_id) < 2**62):
        return Response.text("false")
    merchant_id, event_id = int(partner), int(notify_id)
    from_millis = id_millis(event_id)
    first, last = first_id_at(from_millis), first_id_at(from_millis + _WINDOW_MILLIS)
    async with services.reads.connection() as connection:
        cursor = await connection.execute(_MADE, [cell_of_party(merchant_id), merchant_id, first, last, event_id])
        made = await cursor.fetchone() is not None
    return Response.text("true" if made else "false")
