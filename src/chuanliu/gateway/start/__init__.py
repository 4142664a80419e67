"""The start page of a sandbox, the wallets that it shows, and the figures that it polls."""

from chuanliu.gateway.start.figures_store import FigureReader
from chuanliu.gateway.start.roster import Roster, SandboxConsumer, SandboxMerchant
from chuanliu.gateway.start.roster_store import ROSTER_FILE, read_roster, write_roster
from chuanliu.gateway.start.start_routes import CODE_PATH, INBOX_PATH, SecondAddress, add_routes

__all__ = [
    "CODE_PATH",
    "INBOX_PATH",
    "ROSTER_FILE",
    "FigureReader",
    "Roster",
    "SandboxConsumer",
    "SandboxMerchant",
    "SecondAddress",
    "add_routes",
    "read_roster",
    "write_roster",
]
