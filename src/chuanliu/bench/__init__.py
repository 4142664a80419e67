"""Benchmarks: figures as ratios within one run, with an audit behind each of them."""

from chuanliu.bench.ground import Ground, prepared_ground
from chuanliu.bench.load_client import LoadFailed
from chuanliu.bench.platform_under_test import PlatformFailed
from chuanliu.bench.report import Report
from chuanliu.bench.runs import Options, run_baseline, run_generator, run_ledger, run_memory, run_pay, run_rsa
from chuanliu.bench.yardstick_client import YardstickFailed

__all__ = [
    "Ground",
    "LoadFailed",
    "Options",
    "PlatformFailed",
    "Report",
    "YardstickFailed",
    "prepared_ground",
    "run_baseline",
    "run_generator",
    "run_ledger",
    "run_memory",
    "run_pay",
    "run_rsa",
]
