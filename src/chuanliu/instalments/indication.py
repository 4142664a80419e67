"""What anybody might be offered for a basket: prices and campaigns, before it is known who pays."""

from __future__ import annotations

from typing import Final

from chuanliu.engine import Context, Query, Seen
from chuanliu.ids import cell_of_party, is_shadow
from chuanliu.instalments.offers import Basket, Offers, campaigns_of_basket, offers_for
from chuanliu.instalments.shoppers import likely_shopper
from chuanliu.lenders import Instrument, Product, products

_ANYBODY: Final = 0


class IndicateOffers(Query[Offers], frozen=True):
    """Price a basket by every product of every lender, for nobody in particular. It promises nothing.

    Campaigns for certain consumers and for a first use do not count; limits by consumer are taken not to be reached.
    Each offer's `instrument_id` is its product's, negative.
    """

    basket: Basket

    def answer(self, seen: Seen, context: Context) -> Offers:
        reference, basket = context.reference, self.basket
        shadow = is_shadow(cell_of_party(basket.merchant_id))
        instruments = tuple(_any_instrument(product) for product in products(reference, shadow=shadow))
        shopper = likely_shopper(reference, _ANYBODY, instruments, basket)
        campaigns = campaigns_of_basket(reference, basket, _ANYBODY, context.now).all()
        without = frozenset(view.campaign_id for view in campaigns if view.terms.first_use_only)
        return offers_for(reference, shopper, basket, context.now, without)


def _any_instrument(product: Product) -> Instrument:
    return Instrument(
        cell=product.cell,
        instrument_id=-product.product_id,
        consumer_id=_ANYBODY,
        product_id=product.product_id,
        kind=product.kind,
        line_no=0 if product.funding == "own" else None,
        card_id=None,
        account_ref=None,
        masked="",
        limit_minor=None,
        status="active",
        consent_sha256=b"",
        consented_at=0,
        created_at=0,
    )
