"""What `bench quote` measures is a whole quote, and it notices one that is wrong."""

from __future__ import annotations

import msgspec
import pytest

from chuanliu.bench.quote_bench import bench_quotes, flaw_of
from chuanliu.bench.quote_world import NOW, QuoteWorld, make_world
from chuanliu.engine import Keys, Seen
from chuanliu.instalments import Basket, MakeQuote, Offer, QuoteView


@pytest.fixture(scope="module")
def world() -> QuoteWorld:
    return make_world()


@pytest.fixture(scope="module")
def view(world: QuoteWorld) -> QuoteView:
    command = MakeQuote(world.consumer_id, Basket(merchant_id=world.merchant_id, amount_minor=1_234_00), NOW)
    keys, seen = Keys(), Seen()
    for _ in range(3):
        command.discover(seen, keys, world.reference)
        seen = world.answer(keys)
    return command.decide(world.load(keys), world.context())


def test_a_short_run_is_clean_and_covers_every_option() -> None:
    report = bench_quotes(0.1)
    assert report.is_clean
    assert report.extras["options"] == 37 * 6
    assert report.extras["offers"] == 1 + 37 * 7
    assert set(report.extras["parts_ms"]) == {"load", "decide", "render"}
    assert report.p50_ms is not None
    assert report.p99_ms is not None
    assert 0 < report.p50_ms <= report.p99_ms


def test_campaigns_of_all_kinds_take_part(view: QuoteView) -> None:
    campaigns = {campaign_id for offer in view.offers for campaign_id in offer.campaign_ids}
    assert len(campaigns) > 5
    assert {len(offer.shares) for offer in view.offers} >= {0, 1, 3}
    assert any(len(offer.campaign_ids) > 1 for offer in view.offers)
    assert any(offer.rate_ppm > 0 for offer in view.offers)
    assert any(share.waived for offer in view.offers for share in offer.shares)


def with_offers(view: QuoteView, *offers: Offer) -> QuoteView:
    return msgspec.structs.replace(view, offers=offers)


def test_a_quote_that_is_wrong_is_noticed(world: QuoteWorld, view: QuoteView) -> None:
    banks = len(world.instruments)
    assert flaw_of(view, banks) is None
    assert "offers" in (flaw_of(with_offers(view, *view.offers[1:]), banks) or "")
    assert "stored" in (flaw_of(with_offers(view, *reversed(view.offers)), banks) or "")
