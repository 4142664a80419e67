"""A campaign as files, APIs and the command line show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chuanliu.clock import iso_text
from chuanliu.engine import Reference
from chuanliu.lenders import find_product
from chuanliu.money import format_amount
from chuanliu.promotions.tables import Sponsor
from chuanliu.promotions.views import CampaignView, lender_by_number


def campaign_document(
    reference: Reference, view: CampaignView, left: Mapping[int, int] | None = None
) -> dict[str, Any]:
    """All of a campaign; with what is left of each budget, where that was read."""
    campaign = view.campaign
    return {
        "campaign_id": str(campaign.campaign_id),
        "code": campaign.code,
        "name": campaign.name,
        "name_zh": campaign.name_zh,
        "owner": str(campaign.owner_id),
        "status": campaign.status,
        "currency": campaign.currency,
        "starts_at": iso_text(campaign.starts_at),
        "ends_at": iso_text(campaign.ends_at),
        "warned_at": None if campaign.warned_at is None else iso_text(campaign.warned_at),
        "created_at": iso_text(campaign.created_at),
        "sponsors": [_sponsor(sponsor, campaign.currency, left or {}) for sponsor in view.sponsors],
        "terms": terms_document(reference, view),
    }


def _sponsor(sponsor: Sponsor, currency: str, left: Mapping[int, int]) -> dict[str, Any]:
    rest = left.get(sponsor.sponsor_id)
    return {
        "sponsor_id": str(sponsor.sponsor_id),
        "kind": sponsor.kind,
        "party": None if sponsor.party_id is None else str(sponsor.party_id),
        "name": sponsor.name,
        "share_bps": sponsor.share_bps,
        "cap": None if sponsor.cap_minor is None else format_amount(sponsor.cap_minor, currency),
        "budget": format_amount(sponsor.budget_minor, currency),
        "left": None if rest is None else format_amount(rest, currency),
    }


def terms_document(reference: Reference, view: CampaignView) -> dict[str, Any]:
    """Terms as a file has them; what asks for nothing is left out."""
    terms, currency = view.terms, view.campaign.currency
    most = terms.amount_max_minor
    members: dict[str, Any] = {
        "lenders": [_lender_code(reference, number) for number in sorted(terms.lenders)],
        "products": [_product_code(reference, number) for number in sorted(terms.products)],
        "product_kinds": sorted(terms.product_kinds),
        "merchants": [str(number) for number in sorted(terms.merchants)],
        "stores": sorted(terms.stores),
        "categories": list(terms.categories),
        "instalments": sorted(terms.instalments),
        "amount_min": format_amount(terms.amount_min_minor, currency) if terms.amount_min_minor else None,
        "amount_max": None if most is None else format_amount(most, currency),
        "consumers": [str(number) for number in sorted(terms.consumers)],
        "first_use_only": terms.first_use_only,
        "per_consumer_uses": terms.per_consumer_uses,
        "per_consumer_day_uses": terms.per_consumer_day_uses,
        "per_day_uses": terms.per_day_uses,
        "stack_group": terms.stack_group,
    }
    always = {"stacking": terms.stacking, "priority": terms.priority, "warn_at_bps": terms.warn_at_bps}
    return {name: value for name, value in members.items() if value} | always


def _lender_code(reference: Reference, lender_id: int) -> str:
    lender = lender_by_number(reference, lender_id)
    return str(lender_id) if lender is None else lender.code


def _product_code(reference: Reference, product_id: int) -> str:
    product = find_product(reference, product_id)
    return str(product_id) if product is None else product.code
