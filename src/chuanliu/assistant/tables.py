"""Rows of the assistant: what a consumer has told it. All of it can be erased; nothing of the ledger is here."""

from __future__ import annotations

from typing import Final

from chuanliu.engine import BigIntList, Instant, Row, SmallInt, Table

IN_APP: Final = "in-app"
EMAIL: Final = "email"
CHANNELS: Final = (IN_APP, EMAIL)


class AssistantProfile(Row, frozen=True, gc=False):
    """What one consumer has set. Amounts in minor units of `currency`, 0 where nothing is set.

    `product_ideals` are ideal bills of `product_ids`. `quiet_from` and `quiet_until` are minutes of the day in
    `time_zone`; equal ones mean no quiet hours. `channels` is a comma list.
    """

    cell: SmallInt
    consumer_id: int
    currency: str
    ideal_minor: int
    product_ids: BigIntList
    product_ideals: BigIntList
    income_minor: int
    reminders: bool
    channels: str
    email: str
    language: str
    time_zone: str
    quiet_from: SmallInt
    quiet_until: SmallInt
    created_at: Instant
    changed_at: Instant

    def ideal_of(self, product_id: int) -> int:
        """The ideal bill of a product; 0 where none is set."""
        return dict(zip(self.product_ids, self.product_ideals, strict=True)).get(product_id, 0)


ASSISTANT_PROFILE: Table[AssistantProfile] = Table(
    "assistant_profile", AssistantProfile, ("cell", "consumer_id"), rank=55
)


def new_profile(cell: int, consumer_id: int, now: int, currency: str = "CNY") -> AssistantProfile:
    """Of somebody who has set nothing: no ideal, reminders in the app, quiet from ten in the evening to eight."""
    return AssistantProfile(
        cell, consumer_id, currency, 0, (), (), 0, True, IN_APP, "", "zh", "Asia/Shanghai", 22 * 60, 8 * 60, now, now
    )  # fmt: skip
