"""Benchmarks: figures as ratios within one run, with an audit behind each of them."""

from chuanliu.bench.admission_runs import run_admission, run_colocation, run_elastic, run_noisy_neighbour, run_overload
from chuanliu.bench.ground import Ground, prepared_ground
from chuanliu.bench.histogram import Histogram, bucket_of
from chuanliu.bench.http_framing import INCOMPLETE, response_length
from chuanliu.bench.ledger_client import PAYERS_FROM
from chuanliu.bench.load_client import LoadFailed
from chuanliu.bench.platform_process import Merchant, PlatformFailed, PlatformProcess, free_port
from chuanliu.bench.platform_stock_store import add_consumers, drop_database, mint_codes
from chuanliu.bench.report import Report
from chuanliu.bench.runs import (
    Options,
    run_assistant,
    run_baseline,
    run_bills,
    run_capacity,
    run_generator,
    run_instalments,
    run_ledger,
    run_memory,
    run_pay,
    run_quote,
    run_rsa,
)
from chuanliu.bench.yardstick_client import YardstickFailed

__all__ = [
    "INCOMPLETE",
    "PAYERS_FROM",
    "Ground",
    "Histogram",
    "LoadFailed",
    "Merchant",
    "Options",
    "PlatformFailed",
    "PlatformProcess",
    "Report",
    "YardstickFailed",
    "add_consumers",
    "bucket_of",
    "drop_database",
    "free_port",
    "mint_codes",
    "prepared_ground",
    "response_length",
    "run_admission",
    "run_assistant",
    "run_baseline",
    "run_bills",
    "run_capacity",
    "run_colocation",
    "run_elastic",
    "run_generator",
    "run_instalments",
    "run_ledger",
    "run_memory",
    "run_noisy_neighbour",
    "run_overload",
    "run_pay",
    "run_quote",
    "run_rsa",
]
