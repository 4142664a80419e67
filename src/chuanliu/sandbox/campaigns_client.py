"""The sandbox's campaigns, made once: interest-free instalments that platform, brand, merchant and bank share."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from chuanliu.clock import DAY, HOUR
from chuanliu.errors import Conflict
from chuanliu.gateway import Services
from chuanliu.ledger import PLATFORM
from chuanliu.lenders import find_lender
from chuanliu.parties import ReadReference
from chuanliu.promotions import CampaignTerms, CreateCampaign, NewSponsor, PublishCampaign
from chuanliu.sandbox.banks import PLATFORM_LENDER

_LASTS: Final = 400 * DAY


class _Cast(NamedTuple):
    code: str
    name: str
    name_zh: str
    lender: str | None
    sponsors: tuple[NewSponsor, ...]
    terms: CampaignTerms


def _cast(merchant_id: int) -> tuple[_Cast, ...]:
    return (
        _Cast(
            "card-3-and-6",
            "Cards, 3 and 6 instalments interest-free",
            "信用卡 3 期、6 期免息",
            None,
            (
                NewSponsor("platform", 5_000, 200_000_00, cap_minor=150_00),
                NewSponsor("brand", 3_000, 120_000_00, name="River Tea 川上茶"),
                NewSponsor("merchant", 2_000, 80_000_00, party_id=merchant_id),
            ),
            CampaignTerms(
                product_kinds=frozenset({"credit_card"}),
                instalments=frozenset({3, 6}),
                merchants=frozenset({merchant_id}),
                amount_min_minor=600_00,
            ),
        ),
        _Cast(
            "monthly-12",
            "Chuanliu Monthly, 12 instalments interest-free",
            "川流月付 12 期免息",
            PLATFORM_LENDER,
            (NewSponsor("platform", 10_000, 500_000_00, cap_minor=400_00),),
            CampaignTerms(instalments=frozenset({12}), per_consumer_day_uses=20),
        ),
        _Cast(
            "yunhe-12",
            "Yunhe Bank waives its fee for 12 instalments",
            "云禾银行 12 期免手续费",
            "yunhe",
            (NewSponsor("bank", 10_000, 300_000_00),),
            CampaignTerms(product_kinds=frozenset({"credit_card"}), instalments=frozenset({12})),
        ),
    )


async def seed_campaigns(services: Services, merchant_id: int) -> None:
    """Make and publish the campaigns that are not there yet. `merchant_id` is the sandbox's first shop."""
    reference = await services.engine.ask(ReadReference())
    now = time.time_ns() // 1000
    for each in _cast(merchant_id):
        terms, sponsors, owner = each.terms, each.sponsors, PLATFORM
        if each.lender is not None:
            lender = find_lender(reference, each.lender)
            terms = _for_lender(terms, lender.lender_id)
            if lender.kind == "bank":
                owner = lender.lender_id
                sponsors = tuple(
                    NewSponsor("bank", one.share_bps, one.budget_minor, party_id=lender.lender_id) for one in sponsors
                )
        command = CreateCampaign(
            owner, each.code, each.name, now - HOUR, now + _LASTS, sponsors, terms, each.name_zh, agreed=True
        )
        try:
            view = await services.engine.submit(command)
        except Conflict:
            continue
        await services.engine.submit(PublishCampaign(view.campaign_id))


def _for_lender(terms: CampaignTerms, lender_id: int) -> CampaignTerms:
    return CampaignTerms(
        lenders=frozenset({lender_id}),
        product_kinds=terms.product_kinds,
        instalments=terms.instalments,
        per_consumer_day_uses=terms.per_consumer_day_uses,
    )
