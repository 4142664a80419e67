"""The card vault: sealing, fingerprints, rotation, and card numbers that turn up nowhere."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.clock import SHANGHAI, to_datetime
from chuanliu.connectors import CardData
from chuanliu.crypto import MasterKey
from chuanliu.errors import Invalid, NotFound
from chuanliu.lenders import (
    CARD_RANDOMNESS,
    STORED_CARD,
    ApplyLender,
    FindStoredCard,
    LinkCard,
    StoredCard,
    card_fingerprints,
    is_card_number,
    luhn_digit,
    open_card,
    read_card,
    resealed_card,
    seal_card,
)
from chuanliu.lenders.cards import expires_at
from chuanliu.parties import Reseal, SealedTable, Vault
from engine.rig import engines, run
from lenders.samples import card_number, card_product, consumer, lender, link, vault

CARD = CardData("9600120000000000" + "0", "2912")


def sealed(keys: Vault, card: CardData = CARD, card_id: int = 7) -> StoredCard:
    made = seal_card(keys, card, card_id, secrets.token_bytes(CARD_RANDOMNESS))
    return StoredCard(1, card_id, 2088, made.fingerprints[0], made.sealed, made.last4, 0)


def test_a_sealed_card_opens_only_in_its_row_and_with_its_key() -> None:
    keys = vault()
    stored = sealed(keys)
    assert open_card(keys, stored) == CARD
    with pytest.raises(ValueError, match="altered or belongs elsewhere"):
        open_card(keys, stored.changed(card_id=8))
    with pytest.raises(ValueError, match="altered"):
        open_card(keys, stored.changed(sealed=stored.sealed[:-1] + bytes([stored.sealed[-1] ^ 1])))
    with pytest.raises(NotFound):
        open_card(vault("k9"), stored)
    assert CARD.pan.encode() not in stored.sealed and sealed(keys).sealed != stored.sealed


def test_fingerprints_tell_equal_cards_under_old_and_new_keys() -> None:
    old = MasterKey("k1", secrets.token_bytes(32))
    before, after = Vault(old), vault("k2", k1=old)
    stored = sealed(before)
    assert stored.fingerprint in card_fingerprints(after, CARD.pan)
    assert stored.fingerprint not in card_fingerprints(after, card_number("960012"))
    moved = resealed_card(after, stored, secrets.token_bytes(CARD_RANDOMNESS))
    assert open_card(after, moved) == CARD and moved.fingerprint == card_fingerprints(after, CARD.pan)[0]
    with pytest.raises(NotFound):
        open_card(before, moved)
    assert len(set(card_fingerprints(after, CARD.pan))) == 2
    assert card_fingerprints(before, CARD.pan) != card_fingerprints(vault("k1"), CARD.pan), "keyed, not a plain hash"


@pytest.mark.parametrize(
    ("number", "expiry", "read"),
    [
        ("4111 1111 1111 1111", "12/29", CardData("4111111111111111", "2912")),
        ("4111-1111-1111-1111", " 01/30 ", CardData("4111111111111111", "3001")),
        ("4111111111111112", "12/29", "card_invalid"),
        ("411111111111111１", "12/29", "card_invalid"),
        ("0000", "12/29", "card_invalid"),
        ("", "12/29", "card_invalid"),
        ("4111111111111111", "13/29", "invalid_parameter"),
        ("4111111111111111", "1229", "invalid_parameter"),
        ("4111111111111111", "00/29", "invalid_parameter"),
    ],
)
def test_cards_as_they_are_typed(number: str, expiry: str, read: CardData | str) -> None:
    if isinstance(read, CardData):
        assert read_card(number, expiry) == read
        return
    with pytest.raises(Invalid) as caught:
        read_card(number, expiry)
    assert caught.value.code == read
    for shown in (str(caught.value), repr(caught.value), str(caught.value.details)):
        assert not number or number not in shown


@given(st.text("0123456789", min_size=12, max_size=18), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(digits: str, at: int, by: int) -> None:
    number = digits + luhn_digit(digits)
    assert is_card_number(number)
    at %= len(number)
    wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    assert not is_card_number(wrong)


@pytest.mark.parametrize(("expiry", "end"), [("2912", "2030-01-01"), ("2602", "2026-03-01"), ("3011", "2030-12-01")])
def test_a_card_is_good_to_the_end_of_its_month(expiry: str, end: str) -> None:
    assert f"{to_datetime(expires_at(expiry), SHANGHAI):%Y-%m-%d %H:%M}" == f"{end} 00:00"


def test_texts_of_cards_show_no_number() -> None:
    made = seal_card(vault(), CARD, 7, bytes(CARD_RANDOMNESS))
    for shown in (repr(made), str(made), repr(LinkCard(2088, b"", made)), repr(CARD), f"{CARD}"):
        assert CARD.pan not in shown and CARD.pan[:8] not in shown


def test_a_renewed_card_keeps_its_place_and_a_rotated_key_its_cards(database_url: str) -> None:
    old = MasterKey("k1", secrets.token_bytes(32))
    before, after = Vault(old), vault("k2", k1=old)

    async def main() -> None:
        async with engines(database_url) as (engine,):
            await engine.submit(ApplyLender(lender("vault-bank", card_product("vault-card", ("962000", "962099")))))
            who = await consumer(engine)
            card = CardData(card_number("96200000"), "9801")
            first = await link(engine, before, who, card, "vault-card")

            async def stored(keys: Vault) -> Any:
                return await engine.ask(FindStoredCard(who, card_fingerprints(keys, card.pan)))

            kept = await stored(after)
            assert kept is not None and open_card(after, kept) == card
            cards = SealedTable(STORED_CARD, ("sealed",), resealed_card)
            key = (kept.cell, kept.card_id)
            assert await engine.submit(Reseal(cards, after, ((key, secrets.token_bytes(cards.randomness)),))) == 1
            moved = await stored(after)
            assert await stored(before) is None and await stored(after) == moved
            again = await link(engine, after, who, card, "vault-card")
            assert again == first
            # The bank renewed the card: same number, another expiry, sealed in the place that it has.
            renewed = CardData(card.pan, "9912")
            made = seal_card(after, renewed, moved.card_id, secrets.token_bytes(CARD_RANDOMNESS))
            assert await engine.submit(LinkCard(who, first.consent_sha256, made)) == first
            assert open_card(after, await stored(after)) == renewed

    run(main)
