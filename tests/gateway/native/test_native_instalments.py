"""Quotes, plans and payments by them over the native API, with a line of ours and a bank that is really asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pyxirr
from native_lending import Lending, native_lending
from native_platform import Merchant, NativePlatform, cny, order_body, payment_body

from chuanliu.gateway.native.instalment_documents import Quote
from chuanliu.promotions import NewSponsor


@pytest.fixture(scope="module")
def lending(platform: NativePlatform) -> Iterator[Lending]:
    with native_lending(platform) as running:
        yield running


@pytest.fixture
def seller(platform: NativePlatform) -> Merchant:
    return platform.merchant()


def pay(lending: Lending, seller: Merchant, payer: int, value: str = "1000.00", **fields: Any) -> Any:
    platform = lending.platform
    fields.setdefault("reference", next(platform.references))
    return platform.call(seller, "POST", "/v1/payments", payment_body(platform.payment_code(payer), value, **fields))


def sponsored(lending: Lending, seller: Merchant, budget_minor: int = 100_00, **terms: Any) -> None:
    """A campaign of this seller that bears all fees in three parts."""
    lending.campaign(
        NewSponsor("platform", 5_000, budget_minor),
        NewSponsor("brand", 3_000, budget_minor, name="Tea"),
        NewSponsor("merchant", 2_000, budget_minor, party_id=seller.merchant_id),
        merchants=frozenset({seller.merchant_id}),
        **terms,
    )


def total(amounts: list[str]) -> Decimal:
    return sum(map(Decimal, amounts), Decimal())


def test_a_quote_shows_all_ways_to_pay_with_their_cost(lending: Lending, seller: Merchant) -> None:
    payer = lending.payer(balance_minor=1_00, card=True)
    quote = lending.quote(seller, payer, "1111.11")
    assert (quote["status"], quote["buyer_id"], quote["amount"]) == ("offered", str(payer), cny("1111.11"))
    offers = quote["offers"]
    assert [each["offer"] for each in offers] == list(range(1, 9))
    totals = [Decimal(each["total"]["value"]) for each in offers]
    assert totals == sorted(totals)
    assert {(each["means"], each["instalments"]) for each in offers} == {
        (means, count) for means in ("credit_line", "credit_card") for count in (1, 3, 6, 12)
    }
    for each in offers:
        schedule = each["schedule"]
        assert len(schedule) == each["instalments"]
        assert [row["number"] for row in schedule] == list(range(1, len(schedule) + 1))
        assert [row["due_on"] for row in schedule] == sorted({row["due_on"] for row in schedule})
        assert total([row["amount"] for row in schedule]) == Decimal(each["total"]["value"])
        assert total([row["principal"] for row in schedule]) == Decimal(each["principal"]["value"])
        assert total([row["fee"] for row in schedule]) == Decimal(each["buyer_fee"]["value"])
    line = next(each for each in offers if (each["means"], each["instalments"]) == ("credit_line", 3))
    assert (line["fee"], line["buyer_fee"]) == (cny("25.56"), cny("25.56"))
    monthly = pyxirr.irr([-1111.11, *(float(row["amount"]) for row in line["schedule"])])
    assert monthly is not None
    assert float(line["annual_rate_pct"]) == pytest.approx(1200 * monthly, abs=1e-4)
    assert (line["lender"]["code"], line["product"]["kind"]) == ("native-river", "credit_line")
    card = next(each for each in offers if each["means"] == "credit_card")
    assert "*" in card["instrument"]["masked"]
    assert quote["not_offered"] == [
        {
            "reason": "balance_insufficient",
            "message": "The consumer's balance is not sufficient.",
            "means": "balance",
        }
    ]


def test_what_is_written_by_hand_is_what_the_document_says(lending: Lending, seller: Merchant) -> None:
    sponsored(lending, seller, instalments=frozenset({3, 12}))
    payer = lending.payer(balance_minor=1_00, card=True)
    body = {"payment_code": lending.platform.payment_code(payer), "amount": cny("1000.01")}
    answer = lending.platform.call(seller, "POST", "/v1/quotes", body).body
    read = msgspec.json.decode(answer, type=Quote)
    assert any(offer.sponsors for offer in read.offers)
    assert read.not_offered
    assert msgspec.json.encode(read) == answer


def test_who_bears_the_fee(lending: Lending, seller: Merchant) -> None:
    sponsored(lending, seller, instalments=frozenset({3}))
    payer = lending.payer()
    by_campaign = lending.quote(seller, payer, wish={"instalments": 3, "allowed": ["credit_line"]})["offers"]
    [offer] = by_campaign
    assert (offer["fee"], offer["buyer_fee"], offer["annual_rate_pct"]) == (cny("18.00"), cny("0.00"), "0.0000")
    shares = {share["kind"]: (share["amount"]["value"], share["waived"]) for share in offer["sponsors"]}
    assert shares == {"platform": ("9.00", False), "brand": ("5.40", False), "merchant": ("3.60", False)}
    assert all(share["campaign"]["code"] for share in offer["sponsors"])
    wish = {"instalments": 6, "borne_by": "merchant"}
    [own] = lending.quote(seller, payer, wish=wish)["offers"]
    [share] = own["sponsors"]
    assert (share["kind"], share["sponsor_id"], share["amount"]) == ("merchant", str(seller.merchant_id), cny("45.00"))
    assert "campaign" not in share


def test_from_a_quote_to_a_refund(lending: Lending, seller: Merchant) -> None:
    platform = lending.platform
    sponsored(lending, seller)
    payer = lending.payer()
    quote = lending.quote(seller, payer)
    chosen = next(each for each in quote["offers"] if each["instalments"] == 6)
    path = f"/v1/quotes/{quote['quote_id']}"
    confirmed = platform.call(seller, "POST", path + "/confirm", {"offer": chosen["offer"]})
    assert (confirmed.status, confirmed.json["confirmed"], confirmed.json["offer"]) == (200, True, chosen)
    assert platform.call(seller, "POST", path + "/confirm", {"offer": chosen["offer"]}).body == confirmed.body
    held = platform.call(seller, "GET", path).json
    assert (held["status"], held["confirmed_offer"]) == ("confirmed", chosen["offer"])
    assert held["offers"] == quote["offers"]
    reply = pay(lending, seller, payer, quote_id=quote["quote_id"], reference="plan-1")
    paid = reply.json
    assert (reply.status, paid["status"]) == (201, "succeeded")
    assert paid["funds"] == [{"method": "credit_line", "amount": cny("1000.00"), "kind": "credit_line"}]
    plan = paid["plan"]
    assert (plan["instalments"], plan["fee"], plan["buyer_fee"], plan["subsidy"]) == (
        6,
        cny("45.00"),
        cny("0.00"),
        cny("45.00"),
    )
    assert pay(lending, seller, payer, quote_id=quote["quote_id"], reference="plan-1").body == reply.body
    assert platform.call(seller, "GET", f"/v1/payments/{paid['payment_id']}").json == paid
    order = platform.call(seller, "GET", f"/v1/orders/{paid['order_id']}").json
    assert (order["status"], order["funds"], order["plan"]) == ("paid", paid["funds"], plan)
    assert platform.call(seller, "GET", path).json["status"] == "used"
    refund = {"amount": cny("400.00"), "request_no": "r1"}
    refunded = platform.call(seller, "POST", f"/v1/payments/{paid['payment_id']}/refunds", refund)
    assert refunded.json["plan_fee"] == {"buyer_fee": cny("0.00"), "subsidy": cny("18.00")}
    assert platform.call(seller, "POST", f"/v1/payments/{paid['payment_id']}/refunds", refund).body == refunded.body
    shown = platform.call(seller, "GET", f"/v1/plans/{plan['plan_id']}").json
    assert (shown["status"], shown["refunded_amount"]) == ("active", cny("400.00"))
    assert {share["kind"]: share["returned"]["value"] for share in shown["sponsors"]} == {
        "platform": "9.00",
        "brand": "5.40",
        "merchant": "3.60",
    }
    platform.dispatch()
    events = platform.call(seller, "GET", "/v1/events").json["data"]
    announced, paid_event, refund_event = events
    assert (announced["type"], announced["data"]["campaign"]["status"]) == ("campaign.published", "published")
    assert paid_event["data"]["order"]["plan"] == plan
    assert paid_event["data"]["order"]["funds"] == paid["funds"]
    assert refund_event["data"]["order"]["plan"]["plan_id"] == plan["plan_id"]


def test_when_a_budget_has_run_out_the_next_best_quote_is_honest(lending: Lending, seller: Merchant) -> None:
    platform = lending.platform
    sponsored(lending, seller, 10_00, stores=frozenset({"north"}))
    wish = {"instalments": 3}
    first, second = (
        lending.quote(seller, payer, wish=wish, store_id="north") for payer in (lending.payer(), lending.payer())
    )
    assert [each["offers"][0]["buyer_fee"] for each in (first, second)] == [cny("0.00"), cny("0.00")]
    confirm = [
        platform.call(seller, "POST", f"/v1/quotes/{quote['quote_id']}/confirm", {"offer": 1}).json
        for quote in (first, second)
    ]
    assert [each["confirmed"] for each in confirm] == [True, False]
    refused = confirm[1]
    assert (refused["reason"], refused["message"]) == ("budget_exhausted", "The budget is exhausted.")
    again = refused["next_quote"]
    assert again["quote_id"] != second["quote_id"]
    assert [each["buyer_fee"] for each in again["offers"]] == [cny("23.00")]
    for released in (True, False):
        reply = platform.call(seller, "POST", f"/v1/quotes/{first['quote_id']}/release")
        assert reply.json == {"quote_id": first["quote_id"], "released": released}
    late = platform.call(seller, "POST", f"/v1/quotes/{first['quote_id']}/confirm", {"offer": 1})
    assert (late.status, late.code) == (422, "quote_expired")


def test_a_wish_alone_pays_by_the_cheapest_that_fits(lending: Lending, seller: Merchant) -> None:
    payer = lending.payer(balance_minor=5000_00)
    paid = pay(lending, seller, payer, wish={"instalments": 3, "allowed": ["credit_line"]}).json
    assert (paid["plan"]["instalments"], paid["plan"]["buyer_fee"]) == (3, cny("23.00"))
    forbidden = pay(lending, seller, payer, wish={"forbidden": ["balance", "credit_line"]})
    assert (forbidden.status, forbidden.code) == (422, "excluded_by_merchant")
    order = lending.platform.call(
        seller, "POST", "/v1/orders", order_body("300.00", reference="w-1", wish={"instalments": 12}, store_id="s1")
    ).json
    lending.platform.pay_order(order["order_id"], payer)
    shown = lending.platform.call(seller, "GET", "/v1/orders?reference=w-1").json
    assert (shown["status"], shown["plan"]["instalments"]) == ("paid", 12)
    quoted = lending.platform.call(seller, "POST", "/v1/quotes", {"reference": "w-1"})
    assert (quoted.status, quoted.code) == (422, "order_already_paid")


def test_a_quote_for_an_order(lending: Lending, seller: Merchant) -> None:
    platform = lending.platform
    payer, other = lending.payer(), lending.payer()
    wish = {"instalments": 3}
    order = platform.call(
        seller, "POST", "/v1/orders", order_body("500.00", reference="q-1", wish=wish, buyer_id=str(payer))
    ).json
    named = {"payment_code": platform.payment_code(payer), "order_id": order["order_id"]}
    quote = platform.call(seller, "POST", "/v1/quotes", named).json
    assert (quote["order_id"], quote["amount"]) == (order["order_id"], cny("500.00"))
    assert [each["instalments"] for each in quote["offers"]] == [3]
    elsewhere = pay(lending, seller, payer, "500.00", quote_id=quote["quote_id"], offer=1)
    assert (elsewhere.status, elsewhere.code) == (422, "quote_mismatch")
    for changed, status, code, field in (
        ({"amount": cny("500.01")}, 409, "order_inconsistent", "amount.value"),
        ({"wish": {}}, 400, "invalid_parameter", "wish"),
        ({"store_id": "s"}, 400, "invalid_parameter", "store_id"),
        ({"payment_code": platform.payment_code(other)}, 422, "buyer_mismatch", None),
        ({"order_id": "16"}, 404, "order_not_found", None),
    ):
        reply = platform.call(seller, "POST", "/v1/quotes", {**named, **changed})
        assert (reply.status, reply.code, reply.json.get("field")) == (status, code, field)
    again = platform.call(seller, "POST", "/v1/quotes", {**named, "amount": cny("500.00")})
    assert (again.status, again.json) == (201, quote)


def test_a_payment_code_makes_one_quote_and_pays(lending: Lending, seller: Merchant) -> None:
    platform = lending.platform
    payer = lending.payer(card=True)
    code = platform.payment_code(payer)
    asked = {"payment_code": code, "amount": cny("1000.00"), "wish": {"instalments": 3}}
    quote = platform.call(seller, "POST", "/v1/quotes", asked).json
    again = platform.call(seller, "POST", "/v1/quotes", asked)
    assert (again.status, again.json["quote_id"], again.json["offers"]) == (201, quote["quote_id"], quote["offers"])
    for merchant, changed in (
        (seller, {"amount": cny("1000.01")}),
        (seller, {"wish": {}}),
        (seller, {"store_id": "north"}),
        (platform.merchant(), {}),
    ):
        reply = platform.call(merchant, "POST", "/v1/quotes", {**asked, **changed})
        assert (reply.status, reply.code, reply.json["field"]) == (422, "payment_code_quoted", "payment_code")
    body = payment_body(code, "1000.00", quote_id=quote["quote_id"], offer=1, reference="one-code")
    paid = platform.call(seller, "POST", "/v1/payments", body)
    assert (paid.status, paid.json["status"], paid.json["plan"]["instalments"]) == (201, "succeeded", 3)
    used = platform.call(seller, "POST", "/v1/quotes", asked)
    assert (used.status, used.code) == (422, "payment_code_invalid")


def test_many_quotes_by_one_code_at_once_are_one(lending: Lending, seller: Merchant) -> None:
    platform = lending.platform
    asked = {"payment_code": platform.payment_code(lending.payer()), "amount": cny("800.00")}
    replies = platform.run(platform.calling_at_once(seller, "POST", "/v1/quotes", [asked] * 8))
    assert {reply.status for reply in replies} == {201}
    assert len({reply.json["quote_id"] for reply in replies}) == 1


def test_what_a_buyer_has_is_told_to_nobody_without_her_code(lending: Lending, seller: Merchant) -> None:
    platform = lending.platform
    payer = lending.payer(balance_minor=1_00, limit_minor=5_00, card=True)
    named = platform.call(seller, "POST", "/v1/quotes", {"buyer_id": str(payer), "amount": cny("1000.00")})
    assert (named.status, named.code, named.json["field"]) == (400, "invalid_parameter", "buyer_id")
    order = platform.call(
        seller, "POST", "/v1/orders", order_body("1000.00", reference=next(platform.references), buyer_id=str(payer))
    ).json
    by_order, by_amount = (
        platform.call(seller, "POST", "/v1/quotes", body).json
        for body in ({"order_id": order["order_id"]}, {"amount": cny("1000.00")})
    )
    assert by_order["order_id"] == order["order_id"]
    assert (by_order["status"], by_order["offers"]) == ("indicative", by_amount["offers"])
    assert not {"quote_id", "buyer_id", "expires_at"} & by_order.keys()
    assert all("instrument" not in offer for offer in by_amount["offers"])
    shown = {(each["product"]["code"], each["instalments"]) for each in by_amount["offers"] if "product" in each}
    assert {("native-line", 12), ("native-card", 12)} <= shown


def test_an_indication_counts_on_no_campaign_for_some_consumers_only(lending: Lending, seller: Merchant) -> None:
    platform = lending.platform
    payer = lending.payer()
    sponsored(lending, seller, instalments=frozenset({3}), consumers=frozenset({payer}))
    sponsored(lending, seller, instalments=frozenset({6}), first_use_only=True)
    sponsored(lending, seller, instalments=frozenset({12}), per_consumer_uses=1)
    body = {"amount": cny("1000.00"), "wish": {"allowed": ["credit_line"]}}
    free = {
        each["instalments"]
        for each in platform.call(seller, "POST", "/v1/quotes", body).json["offers"]
        if each["lender"]["code"] == "native-river" and each["buyer_fee"]["value"] == "0.00"
    }
    assert free == {1, 12}
    hers = lending.quote(seller, payer, wish={"allowed": ["credit_line"]})["offers"]
    assert {each["instalments"] for each in hers if each["buyer_fee"]["value"] == "0.00"} == {1, 3, 6, 12}


def test_a_quote_whose_time_is_over_has_expired(lending: Lending, seller: Merchant) -> None:
    platform = lending.platform
    quote = lending.quote(seller, lending.payer())
    platform.sql("UPDATE quote SET expires_at = now() WHERE quote_id = %s", int(quote["quote_id"]))
    assert platform.call(seller, "GET", f"/v1/quotes/{quote['quote_id']}").json["status"] == "expired"


def test_a_card_in_instalments_asks_its_bank(lending: Lending, seller: Merchant) -> None:
    payer = lending.payer(card=True)
    wish = {"allowed": ["credit_card"], "instalments": 12}
    paid = pay(lending, seller, payer, wish=wish).json
    assert (paid["status"], paid["funds"][0]["kind"], paid["plan"]["instalments"]) == ("succeeded", "credit_card", 12)
    lending.faults(decline=1000, decline_code="51")
    try:
        refused = pay(lending, seller, payer, wish=wish)
        assert (refused.status, refused.code) == (422, "card_funds_insufficient")
        attempt = lending.platform.call(seller, "GET", f"/v1/payments/{refused.json['details']['payment_id']}").json
        assert (attempt["status"], attempt["reason"]) == ("refused", "card_funds_insufficient")
        assert "funds" not in attempt
    finally:
        lending.faults()


def test_a_bank_that_takes_its_time(lending: Lending, seller: Merchant) -> None:
    platform = lending.platform
    payer = lending.payer(card=True)
    lending.faults(latency_ms=6_000)
    code = platform.payment_code(payer)
    body = payment_body(code, "300.00", reference="slow-1", wish={"allowed": ["credit_card"], "instalments": 3})
    headers = {"idempotency-key": "slow-key"}
    try:
        waiting = platform.call(seller, "POST", "/v1/payments", body, headers=headers)
        assert (waiting.status, waiting.json["status"]) == (201, "in_progress")
        assert waiting.json["plan"]["instalments"] == 3
        order = platform.call(seller, "GET", "/v1/orders?reference=slow-1").json
        assert (order["status"], order["funds"]) == ("in_progress", waiting.json["funds"])
        assert platform.call(seller, "POST", "/v1/payments", body, headers=headers).body == waiting.body
        platform.dispatch()
        assert platform.call(seller, "GET", "/v1/events").json["data"] == []
        path = f"/v1/payments/{waiting.json['payment_id']}"
        until = time.monotonic() + 20
        while (found := platform.call(seller, "GET", path).json)["status"] == "in_progress":
            assert time.monotonic() < until
            time.sleep(0.1)
        assert found["status"] == "succeeded"
        again = platform.call(seller, "POST", "/v1/payments", body, headers=headers)
        assert (again.status, again.json) == (201, found)
    finally:
        lending.faults()


def test_what_a_payer_confirms_is_the_offer_that_she_was_quoted(lending: Lending, seller: Merchant) -> None:
    platform = lending.platform
    payer = lending.payer(balance_minor=2000_00)
    quote = lending.quote(seller, payer, wish={"instalments": 6})
    platform.sql("UPDATE consumer SET confirm_above_minor = 1 WHERE consumer_id = %s", payer)
    waiting = pay(lending, seller, payer, quote_id=quote["quote_id"], offer=1).json
    assert waiting["status"] == "awaiting_payer"
    platform.confirm(waiting["payment_id"], payer)
    found = platform.call(seller, "GET", f"/v1/payments/{waiting['payment_id']}").json
    assert (found["status"], found["plan"]["instalments"]) == ("succeeded", 6)


@pytest.mark.parametrize(
    ("changed", "status", "code", "field"),
    [
        ({"payment_code": "289999999999999999"}, 422, "payment_code_invalid", "payment_code"),
        ({"payment_code": "1"}, 400, "invalid_parameter", "payment_code"),
        ({"buyer_id": "2088000000009999"}, 400, "invalid_parameter", "buyer_id"),
        ({"amount": cny("0.00")}, 400, "invalid_amount", "amount.value"),
        ({"amount": cny("100000000.01")}, 422, "amount_too_large", "amount.value"),
        ({"amount": None}, 400, "invalid_parameter", "amount"),
        ({"sub_merchant_id": "2088000000009999"}, 422, "seller_not_found", None),
        ({"wish": {"instalments": 1}}, 400, "invalid_parameter", "wish.instalments"),
        ({"wish": {"allowed": ["gold"]}}, 400, "invalid_parameter", "wish.allowed[0]"),
        ({"wish": {"quote_id": 1}}, 400, "invalid_parameter", "wish.quote_id"),
        ({"store_id": "a b"}, 400, "invalid_parameter", "store_id"),
    ],
)
def test_bad_quotes(
    lending: Lending, seller: Merchant, changed: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    body = {"payment_code": lending.platform.payment_code(lending.payer()), "amount": cny("100.00"), **changed}
    reply = lending.platform.call(seller, "POST", "/v1/quotes", body)
    assert (reply.status, reply.code, reply.json.get("field")) == (status, code, field)


def test_offers_that_lead_nowhere(lending: Lending, seller: Merchant) -> None:
    platform = lending.platform
    payer = lending.payer()
    quote = lending.quote(seller, payer, "100.00")
    path = f"/v1/quotes/{quote['quote_id']}/confirm"
    missing = platform.call(seller, "POST", path, {"offer": 99})
    assert (missing.status, missing.code, missing.json["field"]) == (422, "offer_not_found", "offer")
    assert platform.call(seller, "POST", path, {"offer": 0}).code == "invalid_parameter"
    assert platform.call(seller, "POST", path, {"offer": 1}).json["confirmed"]
    other = platform.call(seller, "POST", path, {"offer": 2})
    assert (other.status, other.code) == (422, "quote_confirmed")
    for fields, status, code in (
        ({"offer": 1}, 400, "invalid_parameter"),
        ({"quote_id": "16"}, 404, "quote_not_found"),
        ({"quote_id": quote["quote_id"], "offer": 2}, 422, "offer_not_found"),
    ):
        reply = pay(lending, seller, payer, "100.00", **fields)
        assert (reply.status, reply.code) == (status, code)
    stranger = pay(lending, seller, lending.payer(), "100.00", quote_id=quote["quote_id"])
    assert (stranger.status, stranger.code) == (404, "quote_not_found")
    foreign = pay(lending, platform.merchant(), payer, "100.00", quote_id=quote["quote_id"])
    assert (foreign.status, foreign.code) == (404, "quote_not_found")
