"""One payment target under load, round after round, keeping what the report needs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

from chuanliu.bench.histogram import Histogram
from chuanliu.bench.load_client import LoadFailed, LoadPlan, LoadProcess, LoadResult
from chuanliu.bench.process_meter import CpuMeter
from chuanliu.bench.target import PaymentTarget, Requests, Tally

WARMUP_SECONDS = 1.0
PROBE_SECONDS = 3.0
PROBE_REQUESTS = 20_000
_SPARE = 1.8
"""How many requests more than the probe's rate would need: rates of one machine differ that much over a run."""


class PaymentLoad:
    """Loads a target with the same number of connections in each round; `prepare` first."""

    def __init__(
        self,
        target: PaymentTarget,
        folder: Path,
        *,
        seconds: float,
        connections: int,
        probe_seconds: float = PROBE_SECONDS,
        work_off: Callable[[], float] | None = None,
    ) -> None:
        """`work_off` waits until nothing is left to do behind the answers, and says for how many seconds."""
        self.target = target
        self.connections = connections
        self.histogram = Histogram()
        self.outcomes: dict[str, int] = {}
        self.samples: dict[str, list[str]] = {}
        self.cpu_seconds: dict[str, float] = {}
        self.short_rounds = 0
        self.probed_per_second = 0.0
        self.work_off_seconds = 0.0
        self._probe_seconds = probe_seconds
        self._work_off = work_off
        self._folder = folder
        self._seconds = seconds
        self._spools: deque[Requests] = deque()
        self._acknowledged = 0
        self._unknown = 0

    @property
    def tally(self) -> Tally:
        """Everything that was ever acknowledged or left unanswered, warm-up and probe included."""
        return Tally(acknowledged=self._acknowledged, unknown=self._unknown)

    def prepare(self, rounds: int) -> None:
        """Probe the rate with a short run that counts for nothing but the audit, then make requests for all rounds.

        Raises `LoadFailed` when nothing is accepted.
        """
        result = self.probe()
        self.probed_per_second = result.per_second
        needed = int((self._seconds + 2 * WARMUP_SECONDS) * max(result.per_second, 50) * _SPARE)
        self._spools.extend(self.target.make_requests(needed, self._folder) for _ in range(rounds))

    def probe(self) -> LoadResult:
        """A short run whose outcomes are not kept. Raises `LoadFailed` when nothing is accepted."""
        result = self.run(self.target.make_requests(PROBE_REQUESTS, self._folder), self._probe_seconds)
        self._wait_behind()
        if result.accepted == 0:
            raise LoadFailed(f"nothing was accepted: {result.outcomes} {result.samples}")
        self.outcomes.clear()
        self.samples.clear()
        return result

    def count_stock(self, payments: int) -> None:
        """Expect that many payments besides, which are stored already."""
        self._acknowledged += payments

    def measure(self) -> float:
        """One round: accepted payments per second, of the time that what is left behind the answers takes too.

        Adds to the histogram, the outcomes and the CPU split.
        """
        requests = self._spools.popleft()
        meter = CpuMeter(self.target.roles())
        meter.start()
        result = self.run(requests, self._seconds)
        behind = self._wait_behind()
        for role, used in {**meter.read(), "generator": result.cpu_seconds}.items():
            self.cpu_seconds[role] = round(self.cpu_seconds.get(role, 0.0) + used, 2)
        self.histogram.merge(result.histogram)
        self.short_rounds += result.exhausted
        self.work_off_seconds = max(self.work_off_seconds, round(behind, 2))
        return result.accepted / (result.seconds + behind) if result.seconds > 0 else 0.0

    def _wait_behind(self) -> float:
        return self._work_off() if self._work_off is not None else 0.0

    def measure_alone(self, seconds: float, pause_seconds: float = 0.02) -> Histogram:
        """Latencies of a payer who is alone: one connection that pauses between its payments."""
        requests = self.target.make_requests(int(seconds / pause_seconds) + 200, self._folder)
        return self.run(requests, seconds, connections=1, pause_seconds=pause_seconds).histogram

    def run(
        self, requests: Requests, seconds: float, *, connections: int | None = None, pause_seconds: float = 0.0
    ) -> LoadResult:
        """One run of the generator from the beginning of a spool, which is removed afterwards."""
        process = self.start(requests, seconds, connections=connections, pause_seconds=pause_seconds)
        return self.finish(process, requests)

    def start(
        self, requests: Requests, seconds: float, *, connections: int | None = None, pause_seconds: float = 0.0
    ) -> LoadProcess:
        """Start a generator; `finish` must follow."""
        return LoadProcess(
            LoadPlan(
                host=self.target.host,
                port=self.target.port,
                connections=connections or self.connections,
                seconds=seconds,
                warmup_seconds=WARMUP_SECONDS,
                pause_seconds=pause_seconds,
                template=requests.template,
                spool_path=requests.spool_path,
                accepted_statuses=requests.accepted_statuses,
                accepted_marker=requests.accepted_marker,
            )
        )

    def finish(self, process: LoadProcess, requests: Requests) -> LoadResult:
        """Wait for a generator and take its counts into the tally."""
        try:
            result = process.result()
        finally:
            Path(requests.spool_path).unlink(missing_ok=True)
        self._acknowledged += result.accepted_ever
        self._unknown += result.unknown
        for outcome, number in result.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + number
        for outcome, samples in result.samples.items():
            self.samples.setdefault(outcome, samples)
        return result
