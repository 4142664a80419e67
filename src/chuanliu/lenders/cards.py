"""The card vault: numbers are sealed before they are stored, known again by a fingerprint, and shown by four digits.

A number is in clear only between the one who types it and the seal, and between the vault and the bank's wire. Nothing
here puts one into an error, a log or a text.
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from typing import Final

import msgspec

from chuanliu.clock import SHANGHAI, Micros, from_datetime
from chuanliu.connectors import CardData
from chuanliu.engine import Context, Keys, Query, Reference, Seen
from chuanliu.errors import Invalid
from chuanliu.ids import cell_of_party
from chuanliu.lenders.bins import BIN_DIGITS_MAX, is_card_number
from chuanliu.lenders.tables import CARDS_OF_CONSUMER, StoredCard
from chuanliu.parties import SEALING_RANDOMNESS, Vault

CARD_RANDOMNESS: Final = SEALING_RANDOMNESS
"""Fresh random bytes that sealing one card takes."""

_FINGERPRINT: Final = "card-fingerprint"
_SEPARATORS: Final = str.maketrans("", "", " -")
_EXPIRY: Final = re.compile(r"(0[1-9]|1[0-2])/([0-9]{2})", re.ASCII)


class SealedCard(msgspec.Struct, frozen=True):
    """A card ready to be stored. `start` is the beginning by which its product is found, and is not stored.

    `fingerprints` are those under all master keys, the current one's first. The card is good before `expires_at`.
    """

    card_id: int
    fingerprints: tuple[bytes, ...]
    sealed: bytes
    start: str
    last4: str
    expires_at: Micros

    def __repr__(self) -> str:
        return f"SealedCard(…{self.last4})"


def read_card(number: str, expiry: str) -> CardData:
    """A card as it is typed: digits, blanks and hyphens, and `MM/YY`. Neither value is in the error.

    Raises `Invalid`: card_invalid for the number, invalid_parameter for the expiry.
    """
    digits = number.translate(_SEPARATORS)
    if not is_card_number(digits):
        raise Invalid("card_invalid", field="pan")
    match = _EXPIRY.fullmatch(expiry.strip())
    if match is None:
        raise Invalid("invalid_parameter", "expiry must be MM/YY, as on the card", field="expiry")
    return CardData(digits, match[2] + match[1])


def expires_at(expiry: str) -> Micros:
    """The instant at which a card with this expiry (YYMM) is no longer good: the end of that month in Shanghai."""
    year, month = 2000 + int(expiry[:2]), int(expiry[2:])
    return from_datetime(datetime(year + month // 12, month % 12 + 1, 1, tzinfo=SHANGHAI))


def stored_card_context(card_id: int) -> str:
    """What a sealed card is bound to."""
    return f"stored_card/{card_id}"


def card_fingerprints(vault: Vault, pan: str) -> tuple[bytes, ...]:
    """The fingerprints that a stored card with this number can have: under the current master key, then older ones."""
    return tuple(hmac.digest(key, pan.encode(), "sha256") for key in vault.derived_keys(_FINGERPRINT))


def seal_card(vault: Vault, card: CardData, card_id: int, randomness: bytes) -> SealedCard:
    """Seal a card for the row `card_id`, which is in the consumer's cell. Takes `CARD_RANDOMNESS` random bytes."""
    return SealedCard(
        card_id,
        card_fingerprints(vault, card.pan),
        _sealed(vault, card, card_id, randomness),
        card.pan[:BIN_DIGITS_MAX],
        card.pan[-4:],
        expires_at(card.expiry),
    )


def open_card(vault: Vault, stored: StoredCard) -> CardData:
    """Number and expiry of a stored card, for the bank's wire alone.

    Raises `NotFound(key_not_found)` without its master key, `ValueError` when it was altered.
    """
    pan, _, expiry = vault.open_once(stored.sealed, stored_card_context(stored.card_id)).decode().partition("=")
    return CardData(pan, expiry)


def resealed_card(vault: Vault, stored: StoredCard, randomness: bytes) -> StoredCard:
    """The same card under the current master key, with the fingerprint that this key gives. Raises as `open_card`."""
    card = open_card(vault, stored)
    return stored.changed(
        fingerprint=card_fingerprints(vault, card.pan)[0],
        sealed=_sealed(vault, card, stored.card_id, randomness),
    )


def _sealed(vault: Vault, card: CardData, card_id: int, randomness: bytes) -> bytes:
    return vault.seal(f"{card.pan}={card.expiry}".encode(), stored_card_context(card_id), randomness)


class FindStoredCard(Query[StoredCard | None], frozen=True):
    """The consumer's stored card with one of these fingerprints; None where there is none."""

    consumer_id: int
    fingerprints: tuple[bytes, ...]

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.look(CARDS_OF_CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)

    def answer(self, seen: Seen, context: Context) -> StoredCard | None:
        cards = seen.find(CARDS_OF_CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)
        return next((card for card in cards if card.fingerprint in self.fingerprints), None)
