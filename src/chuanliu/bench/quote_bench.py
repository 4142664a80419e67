"""`bench quote`: processor time of one quote over 37 banks with six numbers of instalments each, and campaigns."""

from __future__ import annotations

import time
from typing import Final

from chuanliu.bench.histogram import Histogram
from chuanliu.bench.machine import Machine
from chuanliu.bench.quote_world import CATEGORY, NOW, QuoteWorld, make_world
from chuanliu.bench.report import CLEAN, Report, checked
from chuanliu.engine import Keys, Seen
from chuanliu.gateway import native
from chuanliu.instalments import Basket, MakeQuote, Offer, QuoteView, offers_of, split_of
from chuanliu.lenders import INSTALMENT_COUNTS
from chuanliu.runtime import calm_collector

_WARMUP: Final = 30
_AMOUNT_MINOR: Final = 1_234_00
_STEP_MINOR: Final = 137
_AMOUNTS: Final = 50_000
_IN_PARTS_EACH: Final = 8
_CHECKED_EACH: Final = 50
"""One quote of so many is held against the rules, outside the time."""


class _Stopwatch:
    """Processor time of this process. A reading is not free: parts are timed of some quotes only."""

    def __init__(self) -> None:
        self.whole = Histogram()
        self._parts: dict[str, Histogram] = {}
        self._began = 0
        self._part_began = 0
        self._in_parts = False

    def begin(self, *, in_parts: bool) -> None:
        """A quote begins; one that is timed in parts does not count as a whole."""
        self._in_parts = in_parts
        self._began = self._part_began = time.process_time_ns()

    def lap(self, part: str) -> None:
        """A part of it has ended."""
        if self._in_parts:
            now = time.process_time_ns()
            self._parts.setdefault(part, Histogram()).record((now - self._part_began) // 1000)
            self._part_began = now

    def end(self) -> None:
        """The quote has ended."""
        if not self._in_parts:
            self.whole.record((time.process_time_ns() - self._began) // 1000)

    @property
    def medians_ms(self) -> dict[str, float | None]:
        """The median of each part."""
        return {part: times.percentile_ms(50) for part, times in self._parts.items()}


def bench_quotes(seconds: float, machine: Machine | None = None) -> Report:
    """Quote orders of ever other amounts, one after the other, each from its load to the bytes of its answer."""
    world = make_world()
    watch = _Stopwatch()
    audit, number, size, view = CLEAN, 0, 0, None
    calm_collector()
    cpu_before, began = time.process_time(), time.perf_counter()
    while number <= _WARMUP or time.perf_counter() - began < seconds:
        watch.begin(in_parts=number % _IN_PARTS_EACH == 0)
        view, body = _quote(world, watch, _AMOUNT_MINOR + number % _AMOUNTS * _STEP_MINOR)
        watch.end()
        if number == _WARMUP:
            watch = _Stopwatch()
            cpu_before, began = time.process_time(), time.perf_counter()
        if number % _CHECKED_EACH == 0 and audit == CLEAN:
            audit = flaw_of(view, len(world.instruments)) or CLEAN
        number += 1
        size = len(body)
    elapsed, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_before
    quotes = watch.whole.total
    return checked(
        Report(
            name="quote",
            per_second=round(quotes / elapsed, 1),
            yardstick_per_second=None,
            ratio=None,
            p50_ms=watch.whole.percentile_ms(50),
            p99_ms=watch.whole.percentile_ms(99),
            audit=audit,
            seconds=seconds,
            outcomes={"accepted": quotes},
            cpu_seconds={"quote": round(cpu_seconds, 2)},
            extras={
                "latency": "processor time of one core",
                "parts_ms": watch.medians_ms,
                "banks": len(world.instruments),
                "options": len(world.instruments) * len(INSTALMENT_COUNTS),
                "offers": len(view.offers) if view is not None else 0,
                "subsidised": sum(bool(offer.shares) for offer in view.offers) if view is not None else 0,
                "campaigns": world.campaigns,
                "answer_bytes": size,
            },
            machine=machine,
        )
    )


def _quote(world: QuoteWorld, watch: _Stopwatch, amount_minor: int) -> tuple[QuoteView, bytes]:
    basket = Basket(merchant_id=world.merchant_id, category=CATEGORY, amount_minor=amount_minor)
    command = MakeQuote(world.consumer_id, basket, NOW)
    context = world.context()
    keys, seen, looks = Keys(), Seen(), -1
    while looks < (looks := len(keys.look_keys) + len(keys.look_indexes)):
        seen = world.answer(keys)
        command.discover(seen, keys, world.reference)
    rows = world.load(keys)
    watch.lap("load")
    view = command.decide(rows, context)
    watch.lap("decide")
    body = native.render_quote(world.reference, view, 201).body
    watch.lap("render")
    return view, body


def flaw_of(view: QuoteView, banks: int) -> str | None:
    """What is wrong with a quote that has every bank in full and in each number of instalments, besides the balance."""
    expected = 1 + banks * (1 + len(INSTALMENT_COUNTS))
    if len(view.offers) != expected or view.declined:
        return f"{len(view.offers)} offers and {len(view.declined)} declined, not {expected} and none"
    if offers_of(view.quote.offers) != view.offers:
        return "what is stored is not what was offered"
    totals = [offer.total_minor for offer in view.offers]
    if totals != sorted(totals):
        return "the offers are not in the order of their cost"
    return next((flaw for offer in view.offers if (flaw := _flaw_of_offer(offer)) is not None), None)


def _flaw_of_offer(offer: Offer) -> str | None:
    named = f"{offer.instalments} of product {offer.product_id}"
    if sum(share.amount_minor for share in offer.shares) + offer.buyer_fee_minor != offer.fee_minor:
        return f"{named}: the shares are not the fee"
    if offer.instalments > 1:
        principals, fees = split_of(offer)
        if (sum(principals), sum(fees)) != (offer.principal_minor, offer.buyer_fee_minor):
            return f"{named}: the instalments are not the whole"
    return None
