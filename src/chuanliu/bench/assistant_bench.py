"""`bench assistant`: how long a question takes, from its text to the answer with its proofs, and a whole overview."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec
import psycopg
import uvloop

from chuanliu.assistant import FindOverview
from chuanliu.assistant.questions import answer_to, model, read_facts, read_questions, tongue_of
from chuanliu.bench.histogram import Histogram
from chuanliu.bench.instalment_stock_client import INSTALMENTS
from chuanliu.bench.machine import machine_facts
from chuanliu.bench.platform_stock_store import drop_database
from chuanliu.bench.report import CLEAN, Report, checked
from chuanliu.bills import generation_store
from chuanliu.clock import DAY
from chuanliu.gateway import Services
from chuanliu.instalments import MakeQuote, Wish, wish_bytes
from chuanliu.lenders import ApplyLender, OpenLine, Product, consent_of, lender_of, product_by_code
from chuanliu.parties import AddConsumer, AddMerchant, ReadReference
from chuanliu.runtime import Settings, audit, engine_session, ensure_database, migrate, with_database
from chuanliu.sandbox import sandbox_lenders
from chuanliu.trade import Choice, CreateOrder, OrderSpec, PayOrder, basket_of

DATABASE: Final = "chuanliu_bench_assistant"
P99_MS_MAX: Final = 50.0
PAYMENTS: Final = 120
"""Payments of each consumer: every third by her line in twelve instalments, the others from her balance."""

MONTHS: Final = 12
_BALANCE_MINOR: Final = 10**9
_SHOPS: Final = 10

Progress = Callable[[str, int, int], None]


def bench_assistant(server_url: str, folder: Path, consumers: int, rounds: int, progress: Progress) -> Report:
    """Every question of the examples, asked `rounds` times of consumers with 120 payments and twelve statements.

    One question at a time in one process: reading, understanding and answering; then as many overviews, each with the
    forecast of a history of half a year. `outcomes` counts what was answered
    and refused. An audit that is not clean is a flaw.
    """
    url = with_database(server_url, DATABASE)
    drop_database(server_url, DATABASE)
    ensure_database(url)
    migrate(url)
    data = folder / DATABASE
    settings = Settings(data=data, master_key_file=data / "master.key", database_url=url, sandbox=True, lanes=1)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(_measure(settings, consumers, rounds, progress))
        flaw = next((check.name for check in audit(url).checks if check.offenders_count), CLEAN)
    finally:
        drop_database(server_url, DATABASE)
    whole, reading, telling, overviews, outcomes, seconds = found
    p99 = whole.percentile_ms(99)
    return checked(
        Report(
            name="assistant",
            per_second=round(whole.total / seconds, 1),
            yardstick_per_second=None,
            ratio=None,
            p50_ms=whole.percentile_ms(50),
            p99_ms=p99,
            audit=flaw,
            seconds=round(seconds, 1),
            outcomes=outcomes,
            extras={
                "questions": whole.total,
                "consumers": consumers,
                "payments_each": PAYMENTS,
                "statements_each": MONTHS,
                "reading_p99_ms": reading.percentile_ms(99),
                "understanding_and_telling_p99_ms": telling.percentile_ms(99),
                "overview_p50_ms": overviews.percentile_ms(50),
                "overview_p99_ms": overviews.percentile_ms(99),
                "goals": {
                    "p99_ms": p99 is not None and p99 < P99_MS_MAX,
                    "overview_p99_ms": (overviews.percentile_ms(99) or P99_MS_MAX) < P99_MS_MAX,
                },
            },
            machine=machine_facts(server_url),
        )
    )


async def _measure(
    settings: Settings, consumers: int, rounds: int, progress: Progress
) -> tuple[Histogram, Histogram, Histogram, Histogram, dict[str, int], float]:
    whole, reading, telling, overviews = Histogram(), Histogram(), Histogram(), Histogram()
    outcomes = {"answered": 0, "refused": 0}
    text = files("chuanliu.assistant.questions").joinpath("examples.csv").read_text("utf-8")
    questions = [each.text for each in read_questions(text)] * rounds
    async with engine_session(settings) as services:
        people = await _stock(services, settings.database_url or "", consumers, progress)
        model()
        began = time.perf_counter()
        async with services.reads.connection() as connection:
            for number, question in enumerate(questions):
                started = time.perf_counter()
                facts = await read_facts(
                    services.engine, connection, people[number * 7919 % len(people)], time.time_ns() // 1000
                )
                read = time.perf_counter()
                answer = answer_to(question, facts, tongue_of(question))
                told = time.perf_counter()
                outcomes["refused" if answer.intent is None else "answered"] += 1
                whole.record(int((told - started) * 1e6))
                reading.record(int((read - started) * 1e6))
                telling.record(int((told - read) * 1e6))
                if number % 50 == 0:
                    progress("asking", number, len(questions))
        seconds = time.perf_counter() - began
        for number in range(len(questions)):
            started = time.perf_counter()
            overview = await services.engine.ask(FindOverview(people[number * 7919 % len(people)]))
            overviews.record(int((time.perf_counter() - started) * 1e6))
            if overview.progress.end is None:
                raise RuntimeError("an overview came without its forecast")
    return whole, reading, telling, overviews, outcomes, seconds


async def _stock(services: Services, url: str, consumers: int, progress: Progress) -> list[int]:
    engine = services.engine
    shops = [
        (await engine.submit(AddMerchant(f"压测商户 {number}", with_app=False))).merchant.merchant_id
        for number in range(_SHOPS)
    ]
    platform = sandbox_lenders(0)[0]
    line = platform.products[0]
    terms = msgspec.structs.replace(line.terms, order_min_minor=1, line_limit_minor=_BALANCE_MINOR)
    spec = msgspec.structs.replace(platform, products=(msgspec.structs.replace(line, terms=terms),))
    await engine.submit(ApplyLender(spec))
    product = product_by_code(await engine.ask(ReadReference()), line.code)
    consent = consent_of(lender_of(engine.reference, product), product).sha256
    people = []
    for number in range(consumers):
        consumer = (await engine.submit(AddConsumer("林晓月", "", _BALANCE_MINOR))).consumer_id
        await engine.submit(OpenLine(consumer, consent, product.product_id))
        for payment in range(PAYMENTS):
            await _pay(services, consumer, shops[(number + payment) % _SHOPS], payment)
        people.append(consumer)
        progress("stocking", number, consumers)
    await asyncio.to_thread(_bill, url, product)
    return people


async def _pay(services: Services, consumer: int, shop: int, number: int) -> None:
    engine = services.engine
    by_line = number % 3 == 0
    wish = wish_bytes(Wish(allowed=("credit_line",), instalments=INSTALMENTS)) if by_line else None
    order = await engine.submit(
        CreateOrder(OrderSpec(shop, 0, f"{consumer}-{number}", "qr", "茶叶", 100_00 + number * 35, wish=wish))
    )
    now = time.time_ns() // 1000
    choice = None
    if by_line:
        view = await engine.submit(MakeQuote(consumer, basket_of(engine.reference, order), now, order.order_id))
        position = next(at for at, offer in enumerate(view.offers) if offer.instalments == INSTALMENTS)
        choice = Choice(view.quote.quote_id, position)
    await engine.submit(PayOrder(order.order_id, consumer, asked_at=now, choice=choice))


def _bill(url: str, product: Product) -> None:
    """Statements of the next twelve months: what was bought now falls due month by month."""
    with psycopg.connect(url, autocommit=True) as connection:
        generation_store.prepare(connection)
        generation_store.bill_product(connection, product, time.time_ns() // 1000 + MONTHS * 31 * DAY)
        # As if bought over half a year: what a forecast is made from.
        connection.execute("UPDATE plan SET created_at = created_at - (plan_id >> 5) % 170 * interval '1 day'")
