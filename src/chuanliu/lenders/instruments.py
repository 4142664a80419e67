"""Instruments: a consumer's cards, accounts at banks and lines in our books, each under a consent of its own.

All changes of one consumer's instruments meet on the consumer's row.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from chuanliu.engine import Command, Context, Keys, Query, Reference, Rows, Seen
from chuanliu.errors import Invalid, NotFound, Refused
from chuanliu.ids import account_cell, cell_of_id, cell_of_party, is_shadow
from chuanliu.ledger import (
    ACCOUNT,
    CREDIT_LINES,
    Account,
    account_row,
    credit_used_account,
    lock_account,
    open_account_row,
)
from chuanliu.lenders.bins import is_card_number
from chuanliu.lenders.cards import SealedCard
from chuanliu.lenders.consent import require_consent
from chuanliu.lenders.lookups import find_product, lender_of, lender_of_bin
from chuanliu.lenders.tables import (
    CARDS_OF_CONSUMER,
    INSTRUMENT,
    INSTRUMENTS_OF_CONSUMER,
    PRODUCT,
    STORED_CARD,
    Instrument,
    Lender,
    Product,
    StoredCard,
)
from chuanliu.lenders.terms import AMOUNT_MAX_MINOR, CARD_KINDS, terms_of
from chuanliu.parties import CONSUMER, Consumer

_ACCOUNT_REF: Final = re.compile(r"[A-Za-z0-9_.:@-]{4,64}", re.ASCII)


class InstrumentView(msgspec.Struct, frozen=True):
    """An instrument with the lender and product that it belongs to; of a line in our books also its account."""

    instrument: Instrument
    lender: Lender
    product: Product
    account: Account | None

    @property
    def used_minor(self) -> int | None:
        """What is owed or reserved on a line in our books."""
        return None if self.account is None else _used(self.account)


def _used(account: Account) -> int:
    return account.held_minor - account.balance_minor


def _require_consumer(rows: Rows, consumer_id: int) -> Consumer:
    consumer = rows.get(CONSUMER, cell_of_party(consumer_id), consumer_id)
    if consumer is None:
        raise NotFound("consumer_not_found")
    return consumer


def _require_active_consumer(rows: Rows, consumer_id: int) -> Consumer:
    consumer = _require_consumer(rows, consumer_id)
    if consumer.status != "active":
        raise Refused("buyer_blocked")
    return consumer


def line_account(reference: Reference, instrument: Instrument) -> int | None:
    """The account of a line in our books; None for a card or an account at a bank.

    Raises `NotFound(product_not_found)`.
    """
    if instrument.line_no is None:
        return None
    product = find_product(reference, instrument.product_id)
    if product is None:
        raise NotFound("product_not_found")
    return credit_used_account(instrument.consumer_id, instrument.line_no, product.currency)


def _lock_instrument(consumer_id: int, instrument_id: int, seen: Seen, keys: Keys, reference: Reference) -> None:
    cell = cell_of_party(consumer_id)
    keys.lock(CONSUMER, cell, consumer_id)
    if cell_of_id(instrument_id) != cell:
        return
    keys.look(INSTRUMENT, cell, instrument_id)
    instrument = seen.get(INSTRUMENT, cell, instrument_id)
    if instrument is not None:
        keys.lock(INSTRUMENT, cell, instrument_id)
        # In a snapshot that is too old to have the product it is missing only until the lane has refreshed it.
        if instrument.line_no is not None and find_product(reference, instrument.product_id) is not None:
            lock_account(keys, line_account(reference, instrument) or 0)


def _require_instrument(rows: Rows, consumer_id: int, instrument_id: int) -> Instrument:
    _require_consumer(rows, consumer_id)
    cell = cell_of_party(consumer_id)
    instrument = rows.get(INSTRUMENT, cell, instrument_id) if cell_of_id(instrument_id) == cell else None
    if instrument is None or instrument.consumer_id != consumer_id or instrument.status == "closed":
        raise NotFound("instrument_not_found")
    return instrument


class _Signed(Command[Instrument], frozen=True):
    """What a consumer signs: locks her, her cards and her instruments."""

    consumer_id: int
    consent_sha256: bytes

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_party(self.consumer_id)
        keys.lock(CONSUMER, cell, self.consumer_id)
        keys.read(CARDS_OF_CONSUMER, cell, self.consumer_id)
        keys.read(INSTRUMENTS_OF_CONSUMER, cell, self.consumer_id)

    def instruments(self, rows: Rows) -> list[Instrument]:
        """All that the consumer has or had."""
        return rows.find(INSTRUMENTS_OF_CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)

    def store(
        self,
        rows: Rows,
        context: Context,
        product: Product,
        masked: str,
        *,
        line_no: int | None = None,
        card_id: int | None = None,
        account_ref: str | None = None,
        limit_minor: int | None = None,
    ) -> Instrument:
        """A new instrument under this consent."""
        cell = cell_of_party(self.consumer_id)
        instrument = Instrument(
            cell,
            context.new_id(cell),
            self.consumer_id,
            product.product_id,
            product.kind,
            line_no,
            card_id,
            account_ref,
            masked,
            limit_minor,
            "active",
            self.consent_sha256,
            context.now,
            context.now,
        )
        rows.insert(INSTRUMENT, instrument)
        return instrument


class LinkCard(_Signed, frozen=True):
    """Link a card to its lender's product. The same card again gives the instrument that it has, with a new expiry.

    For the latter the caller seals under the number of the stored card (`FindStoredCard`). Raises
    `NotFound(consumer_not_found)`, `Refused`: buyer_blocked, card_not_supported, card_expired, consent_outdated.
    """

    card: SealedCard

    def decide(self, rows: Rows, context: Context) -> Instrument:
        consumer = _require_active_consumer(rows, self.consumer_id)
        product = lender_of_bin(context.reference, self.card.start, shadow=is_shadow(consumer.cell))
        if product is None:
            raise Refused("card_not_supported", field="pan")
        if self.card.expires_at <= context.now:
            raise Refused("card_expired", field="expiry")
        require_consent(lender_of(context.reference, product), product, self.consent_sha256)
        stored = self._store_card(rows, context, consumer)
        for instrument in self.instruments(rows):
            if instrument.card_id == stored.card_id and instrument.status != "closed":
                if instrument.product_id == product.product_id:
                    return instrument
                # The range went to another product: what was signed for the former is no consent to this one.
                rows.update(INSTRUMENT, instrument.changed(status="closed"))
        return self.store(rows, context, product, f"**** {stored.last4}", card_id=stored.card_id)

    def _store_card(self, rows: Rows, context: Context, consumer: Consumer) -> StoredCard:
        card = self.card
        for known in rows.find(CARDS_OF_CONSUMER, consumer.cell, consumer.consumer_id):
            if known.fingerprint not in card.fingerprints:
                continue
            if known.card_id != card.card_id:
                return known
            renewed = known.changed(fingerprint=card.fingerprints[0], sealed=card.sealed)
            rows.update(STORED_CARD, renewed)
            return renewed
        stored = StoredCard(
            consumer.cell,
            card.card_id,
            consumer.consumer_id,
            card.fingerprints[0],
            card.sealed,
            card.last4,
            context.now,
        )
        rows.insert(STORED_CARD, stored)
        return stored


class OpenLine(_Signed, frozen=True):
    """Open a line in our books (own products), or link an account at the bank (external bank credit pay).

    A line gets `limit_minor`, or the product's limit of a new line, and the consumer's next account for credit used.
    Who has the line, or this account of the bank, already, gets the instrument that there is. Raises
    `NotFound`: consumer_not_found, product_not_found; `Refused`: buyer_blocked, product_suspended, consent_outdated,
    lines_exhausted; `Invalid` for a card product, the limit, the account's reference.
    """

    product_id: int
    limit_minor: int | None = None
    account_ref: str | None = None

    def decide(self, rows: Rows, context: Context) -> Instrument:
        consumer = _require_active_consumer(rows, self.consumer_id)
        product = find_product(context.reference, self.product_id)
        if product is None or is_shadow(product.cell) != is_shadow(consumer.cell):
            raise NotFound("product_not_found")
        lender = lender_of(context.reference, product)
        if product.kind in CARD_KINDS:
            raise Invalid("invalid_parameter", "a card is linked, not opened", field="product")
        if "suspended" in (lender.status, product.status):
            raise Refused("product_suspended")
        require_consent(lender, product, self.consent_sha256)
        if product.funding == "own":
            return self._open_own(rows, context, product)
        return self._link_account(rows, context, product)

    def _open_own(self, rows: Rows, context: Context, product: Product) -> Instrument:
        if self.account_ref is not None:
            raise Invalid("invalid_parameter", "a line in our books has no account at a bank", field="account_ref")
        limit = terms_of(product).line_limit_minor if self.limit_minor is None else self.limit_minor
        _require_limit(limit)
        taken = -1
        for instrument in self.instruments(rows):
            if instrument.product_id == product.product_id and instrument.status != "closed":
                return instrument
            if instrument.line_no is not None:
                taken = max(taken, instrument.line_no)
        line_no = taken + 1
        if line_no >= CREDIT_LINES:
            raise Refused("lines_exhausted")
        account = credit_used_account(self.consumer_id, line_no, product.currency)
        open_account_row(rows, context, account, floor_minor=-limit)
        return self.store(rows, context, product, f"No. {line_no + 1}", line_no=line_no, limit_minor=limit)

    def _link_account(self, rows: Rows, context: Context, product: Product) -> Instrument:
        if self.limit_minor is not None:
            raise Invalid("invalid_parameter", "the bank sets the limit of its accounts", field="limit")
        reference = self.account_ref or ""
        if _ACCOUNT_REF.fullmatch(reference) is None:
            message = "account_ref must be 4 to 64 of A-Z a-z 0-9 _ . : @ -: the account's name at the bank"
            raise Invalid("invalid_parameter", message, field="account_ref")
        if is_card_number(reference) and lender_of_bin(context.reference, reference) is not None:
            raise Invalid("invalid_parameter", "account_ref must not be a card number", field="account_ref")
        for instrument in self.instruments(rows):
            same = (instrument.product_id, instrument.account_ref) == (product.product_id, reference)
            if same and instrument.status != "closed":
                return instrument
        return self.store(rows, context, product, f"**** {reference[-4:]}", account_ref=reference)


def _require_limit(limit_minor: int) -> None:
    if not 0 <= limit_minor <= AMOUNT_MAX_MINOR:
        raise Invalid("invalid_amount", "limit is out of range", field="limit")


class ChangeLineLimit(Command[Instrument], frozen=True):
    """Another limit for a line in our books, which is the floor of its account.

    Raises `NotFound`: consumer_not_found, instrument_not_found; `Invalid` for a limit out of range, or of what has none
    here; `Refused(limit_below_used)` below what is owed and reserved.
    """

    consumer_id: int
    instrument_id: int
    limit_minor: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_instrument(self.consumer_id, self.instrument_id, seen, keys, reference)

    def decide(self, rows: Rows, context: Context) -> Instrument:
        instrument = _require_instrument(rows, self.consumer_id, self.instrument_id)
        _require_limit(self.limit_minor)
        number = line_account(context.reference, instrument)
        if number is None:
            raise Invalid("invalid_parameter", "the bank sets the limit", field="limit")
        account = account_row(rows, number)
        if self.limit_minor < _used(account):
            raise Refused("limit_below_used", field="limit")
        rows.update(ACCOUNT, account.changed(floor_minor=-self.limit_minor))
        changed = instrument.changed(limit_minor=self.limit_minor)
        rows.update(INSTRUMENT, changed)
        return changed


class SuspendInstrument(Command[Instrument], frozen=True):
    """Let an instrument pay nothing more, or, with `suspended` false, let it pay again. Refunds to it go on.

    Raises `NotFound`: consumer_not_found, instrument_not_found.
    """

    consumer_id: int
    instrument_id: int
    suspended: bool = True

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_instrument(self.consumer_id, self.instrument_id, seen, keys, reference)

    def decide(self, rows: Rows, context: Context) -> Instrument:
        instrument = _require_instrument(rows, self.consumer_id, self.instrument_id)
        changed = instrument.changed(status="suspended" if self.suspended else "active")
        rows.update(INSTRUMENT, changed)
        return changed


class CloseInstrument(Command[Instrument], frozen=True):
    """End an instrument for ever; linking or opening again takes a new consent.

    A card stays in the vault and a line's account takes credits, for refunds of what was paid before. Raises
    `NotFound`: consumer_not_found, instrument_not_found; `Refused(line_has_debt)` while a line owes or reserves.
    """

    consumer_id: int
    instrument_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_instrument(self.consumer_id, self.instrument_id, seen, keys, reference)

    def decide(self, rows: Rows, context: Context) -> Instrument:
        instrument = _require_instrument(rows, self.consumer_id, self.instrument_id)
        number = line_account(context.reference, instrument)
        if number is not None:
            account = account_row(rows, number)
            if _used(account) > 0 or account.held_minor:
                raise Refused("line_has_debt")
            rows.update(ACCOUNT, account.changed(status="blocked"))
        closed = instrument.changed(status="closed")
        rows.update(INSTRUMENT, closed)
        return closed


class FindInstruments(Query[tuple[InstrumentView, ...]], frozen=True):
    """What a consumer has, in the order in which it came; with `closed` also what was closed.

    Raises `NotFound(consumer_not_found)`.
    """

    consumer_id: int
    closed: bool = False

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_party(self.consumer_id)
        keys.look(CONSUMER, cell, self.consumer_id)
        keys.look(INSTRUMENTS_OF_CONSUMER, cell, self.consumer_id)
        for instrument in seen.find(INSTRUMENTS_OF_CONSUMER, cell, self.consumer_id):
            if instrument.line_no is None:
                continue
            # From the database, not the snapshot, which may not have the product yet.
            at = cell_of_id(instrument.product_id), instrument.product_id
            keys.look(PRODUCT, *at)
            product = seen.get(PRODUCT, *at)
            if product is not None:
                account = credit_used_account(self.consumer_id, instrument.line_no, product.currency)
                keys.look(ACCOUNT, cell, account)

    def answer(self, seen: Seen, context: Context) -> tuple[InstrumentView, ...]:
        cell = cell_of_party(self.consumer_id)
        if seen.get(CONSUMER, cell, self.consumer_id) is None:
            raise NotFound("consumer_not_found")
        found = seen.find(INSTRUMENTS_OF_CONSUMER, cell, self.consumer_id)
        return tuple(
            view_of(context.reference, instrument, seen)
            for instrument in sorted(found, key=lambda each: each.instrument_id)
            if self.closed or instrument.status != "closed"
        )


def view_of(reference: Reference, instrument: Instrument, seen: Seen) -> InstrumentView:
    """An instrument with what it belongs to, of which the account was looked up."""
    product = find_product(reference, instrument.product_id)
    if product is None:
        raise NotFound("product_not_found")
    number = line_account(reference, instrument)
    account = None if number is None else seen.get(ACCOUNT, account_cell(number), number)
    return InstrumentView(instrument, lender_of(reference, product), product, account)
