"""How a merchant lets its order be paid: by which means, in how many instalments, and who bears their fee."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import msgspec

MEANS: Final = ("balance", "credit_line", "bank_credit_pay", "credit_card", "debit_card")
"""The means of payment that a wish can name, as payers know them: the balance, the platform's own credit line, a bank's
credit pay (whoever keeps its books), and cards.
"""


class Wish(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Kept with the order as JSON.

    `allowed` empty allows all `MEANS` that `forbidden` does not name; `in_full_only` ones may not be split, and
    `in_instalments_only` ones must be. With `instalments` (2 and more) only that number is offered; `borne_by` says who
    bears the fee where no campaign does: the merchant bears all that sponsors leave, or nothing. `store_id` is where it
    is sold: campaigns may be for some stores only. `quote_id` and `offer` are what pays once the payer has confirmed.
    """

    allowed: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    in_full_only: tuple[str, ...] = ()
    in_instalments_only: tuple[str, ...] = ()
    instalments: int | None = None
    borne_by: Literal["buyer", "merchant"] = "buyer"
    store_id: str | None = None
    quote_id: int | None = None
    offer: int | None = None

    def permits(self, means: str) -> bool:
        """Whether this means may pay the order at all."""
        return means not in self.forbidden and (not self.allowed or means in self.allowed)

    def permits_in(self, means: str, instalments: int) -> bool:
        """Whether this means may pay the order in so many instalments, 1 in full."""
        if not self.permits(means) or (self.instalments or instalments) != instalments:
            return False
        return means not in (self.in_full_only if instalments > 1 else self.in_instalments_only)

    @property
    def asks_for_credit(self) -> bool:
        """Whether the balance alone cannot be what pays this order."""
        return self.instalments is not None or not self.permits("balance")


ANY: Final = Wish()
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Wish)


@lru_cache(maxsize=1024)
def read_wish(stored: bytes | None) -> Wish:
    """An order's wish; without one, everything goes."""
    return ANY if stored is None else _DECODER.decode(stored)


def wish_bytes(wish: Wish) -> bytes | None:
    """A wish as an order keeps it; None for one without limits."""
    return None if wish == ANY else _ENCODER.encode(wish)
