"""Agreeing to automatic repayment: from which methods, in which order, whether in part; and taking that back."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from chuanliu.bills.repaying import BALANCE_METHOD, BALANCE_ONLY, LineCommand, newest_consent
from chuanliu.bills.tables import (
    CHARGES_OF_LINE,
    CONSENTS_OF_LINE,
    LINE_STANDING,
    REPAYMENT_CONSENT,
    BillCharge,
    LineStanding,
    RepaymentConsent,
)
from chuanliu.engine import Context, Keys, Query, Reference, Rows, Seen
from chuanliu.errors import Invalid, NotFound, Refused
from chuanliu.ids import cell_of_id, cell_of_party
from chuanliu.lenders import INSTRUMENTS_OF_CONSUMER, Instrument, Product, find_product, lender_of

METHODS_MAX = 5


class RepaymentOffer(msgspec.Struct, frozen=True):
    """What automatic repayment would do, as the consumer is told; the digest of `text` is her consent."""

    methods: tuple[int, ...]
    partial: bool
    text: str

    @property
    def sha256(self) -> bytes:
        """What she signs."""
        return sha256(self.text.encode()).digest()


class AutoRepayment(msgspec.Struct, frozen=True):
    """How it stands with automatic repayment of a line: whether it is on, the agreement, what cards were asked for."""

    wanted: bool
    methods: tuple[int, ...]
    partial: bool
    charges: tuple[BillCharge, ...]


def repayment_text(title: str, names: tuple[str, ...], *, partial: bool) -> str:
    """What a consumer agrees to, in both languages."""
    rows = "\n".join(f"{place}. {name}" for place, name in enumerate(names, 1))
    share_zh = "余额不足时先扣已有的部分" if partial else "余额不足以还清时不扣余额"
    share = "where the balance does not cover it all, what there is" if partial else "from the balance only all of it"
    return (
        f"{title}\n"
        f"本人同意在到期还款日及之后每日，按下列顺序自动偿还已出账款项；一种方式未成功时改用下一种。{share_zh}。\n"
        "I agree that on the due day, and every day behind it, what is billed is repaid by itself in this order, by the"
        f" next one where one fails; {share}.\n"
        f"{rows}"
    )


class _Agreeing(LineCommand, frozen=True):
    """Base of commands that agree to automatic repayment from `methods` in their order."""

    methods: tuple[int, ...] = BALANCE_ONLY
    partial: bool = True

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        super().discover(seen, keys, reference)
        keys.look(INSTRUMENTS_OF_CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)

    def offer(self, rows: Rows, context: Context) -> RepaymentOffer:
        """What would be agreed to. Raises as `AgreeAutoRepay`."""
        product = self.line(rows, context).product
        if not 1 <= len(self.methods) <= METHODS_MAX or len(set(self.methods)) != len(self.methods):
            raise Invalid("invalid_parameter", f"give 1 to {METHODS_MAX} methods, each once", field="methods")
        hers = rows.find(INSTRUMENTS_OF_CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)
        names = tuple(_method_name(context.reference, method, hers, product) for method in self.methods)
        lender = lender_of(context.reference, product)
        title = f"{lender.name_zh} · {product.name_zh} / {lender.name} · {product.name}"
        return RepaymentOffer(self.methods, self.partial, repayment_text(title, names, partial=self.partial))

    def sign(self, rows: Rows, context: Context, offer: RepaymentOffer) -> None:
        """Put the agreement on record, and switch automatic repayment on."""
        line = self.line(rows, context)
        rows.update(LINE_STANDING, line.standing.changed(auto_repay=True))
        cell = line.instrument.cell
        rows.insert(
            REPAYMENT_CONSENT,
            RepaymentConsent(
                cell, context.new_id(cell), self.instrument_id, self.consumer_id, self.methods, self.partial,
                offer.sha256, context.now,
            ),
        )  # fmt: skip


class AgreeAutoRepay(_Agreeing, frozen=True):
    """Agree to automatic repayment of a line from these methods in this order: 0 is the balance, else a debit card.

    Without `consent_sha256` the outcome is the offer and nothing changes. Credit is not repaid with other credit: only
    debit cards are taken. Raises `NotFound(instrument_not_found)`, `Invalid` naming `methods`,
    `Refused(consent_outdated)` where another text was signed. The outcome is the `RepaymentOffer`.
    """

    consent_sha256: bytes | None = None

    def decide(self, rows: Rows, context: Context) -> RepaymentOffer:
        offer = self.offer(rows, context)
        if self.consent_sha256 is not None:
            if self.consent_sha256 != offer.sha256:
                raise Refused("consent_outdated", field="consent_sha256")
            self.sign(rows, context, offer)
        return offer


class SetAutoRepay(_Agreeing, frozen=True):
    """Agree to automatic repayment from the balance, as the page of bills words it, or take any agreement back.

    The outcome is the `LineStanding`.
    """

    wanted: bool = True

    def decide(self, rows: Rows, context: Context) -> LineStanding:
        if self.wanted:
            self.sign(rows, context, self.offer(rows, context))
        else:
            rows.update(LINE_STANDING, self.line(rows, context).standing.changed(auto_repay=False))
        return self.line(rows, context).standing


def _method_name(reference: Reference, method: int, hers: list[Instrument], line: Product) -> str:
    if method == BALANCE_METHOD:
        return "余额 / balance"
    card = next((each for each in hers if each.instrument_id == method and each.status == "active"), None)
    product = None if card is None else find_product(reference, card.product_id)
    if card is None or product is None:
        raise NotFound("instrument_not_found")
    if product.kind != "debit_card" or product.currency != line.currency:
        message = f"a method is the balance or a debit card in {line.currency}"
        raise Invalid("invalid_parameter", message, field="methods")
    lender = lender_of(reference, product)
    return f"{lender.name_zh} {product.name_zh} / {lender.name} {product.name} {card.masked}"


class FindAutoRepayment(Query[AutoRepayment], frozen=True):
    """How it stands with automatic repayment of a consumer's line; charges newest first."""

    consumer_id: int
    instrument_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_id(self.instrument_id)
        keys.look(LINE_STANDING, cell, self.instrument_id)
        keys.look(CONSENTS_OF_LINE, cell, self.instrument_id)
        keys.look(CHARGES_OF_LINE, cell, self.instrument_id)

    def answer(self, seen: Seen, context: Context) -> AutoRepayment:

        cell = cell_of_id(self.instrument_id)
        standing = seen.get(LINE_STANDING, cell, self.instrument_id)
        if standing is None or standing.consumer_id != self.consumer_id:
            return AutoRepayment(False, (), True, ())
        agreed = newest_consent(seen.find(CONSENTS_OF_LINE, cell, self.instrument_id))
        charges = seen.find(CHARGES_OF_LINE, cell, self.instrument_id)
        return AutoRepayment(
            standing.auto_repay,
            BALANCE_ONLY if agreed is None else tuple(agreed.methods),
            agreed is None or agreed.partial,
            tuple(sorted(charges, key=lambda each: -each.charge_id)),
        )
