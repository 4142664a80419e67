"""The sandbox: merchants, consumers and lenders made once, and gentle traffic between them."""

from chuanliu.sandbox.banks import PORTS_COUNT, SimulatedEnd, sandbox_card_number, sandbox_lenders, simulated_ends
from chuanliu.sandbox.lending_client import seed_instruments, seed_lenders
from chuanliu.sandbox.seeding_client import seed_sandbox
from chuanliu.sandbox.simulation_client import journal_file, listing_file

__all__ = [
    "PORTS_COUNT",
    "SimulatedEnd",
    "journal_file",
    "listing_file",
    "sandbox_card_number",
    "sandbox_lenders",
    "seed_instruments",
    "seed_lenders",
    "seed_sandbox",
    "simulated_ends",
]
