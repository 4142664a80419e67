"""A bank runs its campaign by itself, and sees what it brought; other banks' campaigns do not exist for it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Coroutine, Iterator
from threading import Thread
from typing import Any, TypeVar

import pytest

from chuanliu.engine import dispatch_store
from chuanliu.gateway import Services, admin, lender
from chuanliu.ids import cell_of_party
from chuanliu.parties import API_KEY_RANDOMNESS, AddApiKey, ReadReference, api_key_text, new_api_key
from chuanliu.runtime import Settings, engine_session
from chuanliu.serving import Application, Request, Router
from promotions.fair import Fair

T = TypeVar("T")


class Desk:
    """Admin and lender routes over an engine in a loop of its own thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, services: Services) -> None:
        self.loop = loop
        self.services = services
        self.admin_key = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS), "admin")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def call(self, key: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and document."""
        router = Router()
        admin.add_routes(router, self.services)
        lender.add_routes(router, self.services)
        yaml = isinstance(body, str)
        headers = {
            "content-type": "application/yaml" if yaml else "application/json",
            "authorization": f"Bearer {key}",
        }
        raw = b"" if body is None else body.encode() if yaml else json.dumps(body).encode()
        path, _, query = path.partition("?")
        request = Request(method, path, query_string=query, headers=headers, body=raw)
        response = self.run(Application(router).answer(request))
        return response.status, json.loads(response.body)

    def ok(self, key: str, method: str, path: str, body: Any = None) -> Any:
        status, document = self.call(key, method, path, body)
        assert status in (200, 201), document
        return document

    def dispatch(self) -> None:
        """Number what waits in the outbox."""

        async def deliver(_connection: Any, _events: Any) -> None:
            raise AssertionError("nobody subscribes here")

        async def work() -> None:
            async with self.services.reads.connection() as connection:
                await dispatch_store.dispatch(connection, [], deliver)

        self.run(work())


@pytest.fixture(scope="module")
def desk(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("data")
    settings = Settings(folder, folder / "master.key", database_url=database_url, sandbox=True)
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    session = engine_session(settings)
    made = Desk(loop, asyncio.run_coroutine_threadsafe(session.__aenter__(), loop).result(60))
    try:

        async def add() -> None:
            await made.services.engine.submit(AddApiKey(0, new_api_key(made.admin_key)))
            await made.services.engine.ask(ReadReference())

        made.run(add())
        yield made
    finally:
        made.run(session.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Bank:
    """A bank with a product and a key."""

    def __init__(self, desk: Desk, fair: Fair, code: str) -> None:
        self.code = code
        self.number = fair.lender(code)
        self.product = fair.product(self.number)
        keys = desk.ok(desk.admin_key, "POST", f"/admin/v1/lenders/{code}/api-keys", {})
        self.key, self.key_id = keys["api_key"], keys["key_id"]


@pytest.fixture(scope="module")
def bank(desk: Desk, fair: Fair) -> Bank:
    return Bank(desk, fair, "river-bank")


@pytest.fixture(scope="module")
def rival(desk: Desk, fair: Fair) -> Bank:
    return Bank(desk, fair, "hill-bank")


def own_campaign(bank: Bank, code: str, **more: Any) -> dict[str, Any]:
    """What a bank asks for itself."""
    sponsor = {"kind": "bank", "party": bank.code, "share_bps": 10_000, "budget": "1000.00"}
    dates = {"starts_at": "2026-01-01 00:00", "ends_at": "2099-01-01 00:00"}
    return {"code": code, "name": "Ours", "sponsors": [sponsor], **dates, **more}


def test_a_bank_runs_its_campaign_by_itself(desk: Desk, bank: Bank, rival: Bank) -> None:
    made = desk.ok(bank.key, "POST", "/lender/v1/campaigns", own_campaign(bank, "river-1"))
    assert (made["status"], made["owner"], made["terms"]["lenders"]) == ("draft", str(bank.number), ["river-bank"])
    assert (made["sponsors"][0]["name"], made["sponsors"][0]["left"]) == ("Bank", "1000.00")
    path = "/lender/v1/campaigns/river-1"
    assert desk.ok(bank.key, "POST", f"{path}/publish")["status"] == "published"
    assert desk.ok(bank.key, "POST", f"{path}/pause")["status"] == "paused"
    changed = desk.ok(bank.key, "PATCH", path, "terms:\n  instalments: [6]\n  amount_min: 50.00\n")
    assert changed["terms"] == {
        "lenders": ["river-bank"],
        "instalments": [6],
        "amount_min": "50.00",
        "stacking": "exclusive",
        "priority": 100,
        "warn_at_bps": 8000,
    }
    assert desk.ok(bank.key, "POST", f"{path}/resume")["status"] == "published"
    budget = f"{path}/sponsors/{made['sponsors'][0]['sponsor_id']}/budget"
    assert desk.ok(bank.key, "POST", budget, {"amount": "500.00"})["sponsors"][0]["left"] == "1500.00"
    assert desk.ok(bank.key, "POST", budget, {"amount": "-1400.00"})["sponsors"][0]["budget"] == "100.00"
    assert desk.call(bank.key, "POST", budget, {"amount": "-100.01"})[0] == 400
    assert [each["code"] for each in desk.ok(bank.key, "GET", "/lender/v1/campaigns")["campaigns"]] == ["river-1"]
    assert desk.ok(rival.key, "GET", "/lender/v1/campaigns") == {"campaigns": []}
    listed = desk.ok(desk.admin_key, "GET", "/admin/v1/campaigns")["campaigns"]
    assert "river-1" in [each["code"] for each in listed]
    assert desk.ok(bank.key, "POST", f"{path}/close")["status"] == "closed"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"name": "Mine"}),
        ("POST", "/publish", None),
        ("POST", "/pause", None),
        ("POST", "/resume", None),
        ("POST", "/close", None),
        ("POST", "/sponsors/2088000000000001/budget", {"amount": "1"}),
    ],
)
def test_another_banks_campaign_does_not_exist(
    desk: Desk, bank: Bank, rival: Bank, method: str, path: str, body: Any
) -> None:
    code = f"theirs-{method}-{path[:6]}".lower().replace("/", "")
    desk.ok(bank.key, "POST", "/lender/v1/campaigns", own_campaign(bank, code))
    status, problem = desk.call(rival.key, method, f"/lender/v1/campaigns/{code}{path}", body)
    assert (status, problem["code"]) == (404, "campaign_not_found")


def test_a_bank_spends_nobody_elses_money_and_sells_nobody_elses_products(
    desk: Desk, fair: Fair, bank: Bank, rival: Bank
) -> None:
    shop = fair.market.merchant()
    theirs = {"kind": "bank", "party": rival.code, "share_bps": 10_000, "budget": "1"}
    sold = {"kind": "merchant", "party": str(shop), "share_bps": 10_000, "budget": "1"}
    for more, status, field in (
        ({"sponsors": [theirs]}, 403, "sponsors[0].party"),
        ({"sponsors": [sold]}, 403, "sponsors[0].party"),
        ({"owner": rival.code}, 400, "owner"),
        ({"terms": {"lenders": [rival.code]}}, 400, "terms.lenders"),
        ({"terms": {"products": [str(rival.product)]}}, 400, "terms.products"),
        ({"terms": {"lenders": ["no-bank"]}}, 400, "terms.lenders[0]"),
    ):
        asked = own_campaign(bank, "greedy", **more)
        got, problem = desk.call(bank.key, "POST", "/lender/v1/campaigns", asked)
        assert (got, problem["field"]) == (status, field), problem


def test_keys_open_their_own_doors_only(desk: Desk, bank: Bank, rival: Bank) -> None:
    assert desk.call(desk.admin_key, "GET", "/lender/v1/campaigns")[0] == 403
    assert desk.call(bank.key, "GET", "/admin/v1/campaigns")[0] == 403
    assert desk.call("cll_nobody", "GET", "/lender/v1/campaigns")[0] == 401
    listed = desk.ok(desk.admin_key, "GET", "/admin/v1/lenders/hill-bank/api-keys")["api_keys"]
    assert [key["begins"] for key in listed] == [f"{rival.key[:8]}…"]
    status, problem = desk.call(desk.admin_key, "DELETE", f"/admin/v1/lenders/river-bank/api-keys/{rival.key_id}")
    assert (status, problem["code"]) == (404, "key_not_found")
    desk.ok(desk.admin_key, "DELETE", f"/admin/v1/lenders/hill-bank/api-keys/{rival.key_id}")
    desk.ok(desk.admin_key, "GET", "/admin/v1/campaigns")
    assert desk.call(rival.key, "GET", "/lender/v1/campaigns")[0] == 401
    rival.key = desk.ok(desk.admin_key, "POST", "/admin/v1/lenders/hill-bank/api-keys", {})["api_key"]


def test_a_file_with_mistakes_names_their_lines(desk: Desk, bank: Bank) -> None:
    text = "code: lines\nname: x\nstarts_at: 2026-01-01 00:00\nends_at: 2099-01-01 00:00\nsponsors:\n"
    text += f"  - {{kind: bank, party: {bank.code}, share_bps: 10001, budget: 1}}\n"
    status, problem = desk.call(bank.key, "POST", "/lender/v1/campaigns", text)
    assert (status, problem["field"]) == (400, "sponsors[0].share_bps")
    assert problem["detail"].startswith("line 6, column 48: sponsors[0].share_bps: must be 1 to 10000")


def test_a_bank_reads_what_became_of_campaigns_that_it_runs_or_sponsors(desk: Desk, bank: Bank, rival: Bank) -> None:
    desk.dispatch()
    _, past = desk.call(bank.key, "GET", "/lender/v1/events?limit=100")
    sponsors = [
        {"kind": "bank", "party": bank.code, "share_bps": 4_000, "budget": "400.00"},
        {"kind": "bank", "party": rival.code, "share_bps": 6_000, "budget": "600.00"},
    ]
    asked = own_campaign(bank, "joint", owner="platform", sponsors=sponsors)
    desk.ok(desk.admin_key, "POST", "/admin/v1/campaigns", asked)
    path = "/admin/v1/campaigns/joint"
    for move in ("publish", "pause", "close"):
        desk.ok(desk.admin_key, "POST", f"{path}/{move}", {})
    desk.dispatch()
    for who, budget in ((bank, "400.00"), (rival, "600.00")):
        after = past["next_cursor"] if who is bank else "0"
        events = desk.ok(who.key, "GET", f"/lender/v1/events?after={after}")
        found = [each for each in events["data"] if each["data"]["campaign"]["code"] == "joint"]
        assert [each["type"] for each in found] == ["campaign.published", "campaign.paused", "campaign.closed"]
        for each in found:
            [line] = each["data"]["campaign"]["budgets"]
            assert line["budget"] == {"currency": "CNY", "value": budget}
        behind = desk.ok(who.key, "GET", f"/lender/v1/events?after={events['next_cursor']}")
        assert behind == {"data": [], "next_cursor": events["next_cursor"]}
    first = desk.ok(bank.key, "GET", f"/lender/v1/events?after={past['next_cursor']}&limit=1")
    assert len(first["data"]) == 1
    for bad in ("after=-1", "limit=0", "limit=101", "wait_s=21", "colour=red", "after=x"):
        assert desk.call(bank.key, "GET", f"/lender/v1/events?{bad}")[0] == 400, bad
    assert desk.call(desk.admin_key, "GET", "/lender/v1/events")[0] == 403


@pytest.mark.parametrize("by_bank", [True, False], ids=["lender", "admin"])
def test_a_campaign_is_scheduled(desk: Desk, bank: Bank, rival: Bank, by_bank: bool) -> None:
    code = f"later-{by_bank}".lower()
    desk.ok(bank.key, "POST", "/lender/v1/campaigns", own_campaign(bank, code))
    key, path = (bank.key, "/lender") if by_bank else (desk.admin_key, "/admin")
    path += f"/v1/campaigns/{code}/schedule"
    dates = {"starts_at": "2098-01-01 00:00", "ends_at": "2098-02-01T00:00:00+00:00"}
    made = desk.ok(key, "POST", path, dates)
    assert (made["status"], made["starts_at"], made["ends_at"]) == (
        "scheduled",
        "2097-12-31T16:00:00.000Z",
        "2098-02-01T00:00:00.000Z",
    )
    moved = desk.ok(key, "POST", path, {"starts_at": "2026-01-01 00:00"})
    assert (moved["status"], moved["ends_at"]) == ("published", made["ends_at"])
    assert desk.call(key, "POST", path, dates)[1]["code"] == "campaign_status_invalid"
    desk.ok(bank.key, "POST", f"/lender/v1/campaigns/{code}/pause")
    for bad, field in (
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"ends_at": "2025-01-01 00:00"}, "ends_at"),
        ({"ends_at": "2020-01-01 00:00", "starts_at": "2019-01-01 00:00"}, "ends_at"),
        ({"colour": "red"}, "colour"),
    ):
        status, problem = desk.call(key, "POST", path, bad)
        assert (status, problem["field"]) == (400, field), problem
    if by_bank:
        assert desk.call(rival.key, "POST", path, dates)[0] == 404


def plan(fair: Fair, bank: Bank, made: Any, shop: int, day: str, principal: int, *shares: int, **more: Any) -> None:
    """A plan as a payment writes it: the campaign's sponsors' shares, in their order."""
    consumer = 2088000000099999
    sponsors = [int(each["sponsor_id"]) for each in made["sponsors"]]
    fair.market.execute(
        "INSERT INTO plan (cell, plan_id, payment_id, order_id, consumer_id, merchant_id, lender_id, product_id,"
        " instrument_id, funding, currency, status, instalments, principal_minor, fee_minor, buyer_fee_minor,"
        " buyer_fee_returned_minor, refunded_minor, due_on, principals, fees, repaid, campaign_ids, sponsors,"
        " subsidies, returned, waived, caps, refund_policy, fee_refunded, fee_spared, reserved_at, created_at)"
        " VALUES (%s, %s, 1, 1, %s, %s, %s, %s, 1, 'external', 'CNY', %s, 1, %s, %s, 0, 0, %s, '{1}', '{1}', '{1}',"
        " '{0}', %s, %s, %s, %s, %s, '{0,0}', 'evenly', true, true, now(), %s)",
        cell_of_party(consumer),
        secrets.randbits(60),
        consumer,
        shop,
        bank.number,
        bank.product,
        more.get("status", "active"),
        principal,
        sum(shares),
        more.get("refunded", 0),
        [int(made["campaign_id"])],
        sponsors,
        list(shares),
        list(more.get("returned", [0] * len(shares))),
        list(more.get("waived", [1, 0])),
        f"{day}+08:00",
    )


def test_a_report_tells_what_a_campaign_brought(desk: Desk, fair: Fair, bank: Bank, rival: Bank) -> None:
    asked = own_campaign(bank, "river-2", owner=bank.code)
    platform = {"kind": "platform", "share_bps": 2_000, "budget": "1000.00"}
    asked["sponsors"] = [asked["sponsors"][0] | {"share_bps": 8_000}, platform]
    made = desk.ok(desk.admin_key, "POST", "/admin/v1/campaigns", asked)
    one, two = sorted(fair.market.merchant() for _ in range(2))
    plan(fair, bank, made, one, "2026-03-05 00:00:00", 100_00, 400, 100)
    plan(fair, bank, made, one, "2026-03-05 23:59:59", 50_00, 200, 50, refunded=50_00, returned=(200, 50))
    plan(fair, bank, made, two, "2026-03-06 12:00:00", 30_00, 80, 20, waived=(0, 0))
    plan(fair, bank, made, two, "2026-03-06 12:00:00", 99_00, 80, 20, status="void")
    plan(fair, bank, made, one, "2026-03-07 00:00:00", 10_00, 8, 2)
    plan(fair, bank, made, one, "2026-03-03 12:00:00", 60_00, 8, 2)
    path = "/lender/v1/reports?first=2026-03-05&last=2026-03-06&campaign=river-2"
    report = desk.ok(bank.key, "GET", path)
    cny = {"currency": "CNY"}
    assert report["lines"] == [
        {
            "day": "2026-03-05",
            "seller_id": str(one),
            "orders": 2,
            "amount": cny | {"value": "150.00"},
            "refunded": cny | {"value": "50.00"},
            "subsidy_paid": cny | {"value": "0.00"},
            "subsidy_waived": cny | {"value": "4.00"},
            "subsidy_of_others": cny | {"value": "1.00"},
        },
        {
            "day": "2026-03-06",
            "seller_id": str(two),
            "orders": 1,
            "amount": cny | {"value": "30.00"},
            "refunded": cny | {"value": "0.00"},
            "subsidy_paid": cny | {"value": "0.80"},
            "subsidy_waived": cny | {"value": "0.00"},
            "subsidy_of_others": cny | {"value": "0.20"},
        },
    ]
    assert (report["total"]["orders"], report["total"]["amount"]["value"]) == (3, "180.00")
    assert (report["past"]["first"], report["past"]["last"]) == ("2026-03-03", "2026-03-04")
    assert report["growth_bps"] == {"orders": 20_000, "amount": 20_000}
    compared = desk.ok(bank.key, "GET", f"{path}&past_first=2026-03-07&past_last=2026-03-07")
    assert compared["past"]["total"]["amount"]["value"] == "10.00"
    assert desk.call(rival.key, "GET", path)[0] == 404
    empty = desk.ok(rival.key, "GET", "/lender/v1/reports?first=2026-03-05&last=2026-03-06")
    assert (empty["lines"], empty["growth_bps"]) == ([], {"orders": None, "amount": None})
    backwards, long = "first=2026-03-07&last=2026-03-06", "first=2025-03-05&last=2026-03-06"
    early = (
        "first=1999-01-01&last=1999-01-02",
        "first=1999-12-31&last=2000-01-01",
        "last=0001-01-01",
        "last=2000-01-06",
    )
    for bad in (backwards, long, *early, "first=0001-01-01", "first=9999-12-31", "first=x", "colour=red"):
        status, answer = desk.call(bank.key, "GET", f"/lender/v1/reports?{bad}")
        assert (status, answer["code"]) == (400, "invalid_parameter"), bad
    assert desk.ok(bank.key, "GET", "/lender/v1/reports?last=2000-01-07")["first"] == "2000-01-01"
    body = {"first": "2026-03-05", "last": "2026-03-06"}
    by_admin = desk.ok(desk.admin_key, "POST", "/admin/v1/campaigns/river-2/report", body)
    assert by_admin["lines"] == report["lines"]
