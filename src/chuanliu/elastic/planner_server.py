"""The planner's process: each second, how many units there are to be, written on the board of this machine.

It is a process of its own because a plan takes seconds to make. When it dies, what it wrote last stays in force.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Final

from chuanliu.calendars import EventFeed
from chuanliu.clock import MINUTE
from chuanliu.elastic.need import Need, NeedOfUnits
from chuanliu.elastic.plan_store import PlanFeed
from chuanliu.elastic.planning_client import Planner
from chuanliu.elastic.wish_store import read_wish
from chuanliu.runtime import Settings, configure_log, settings_of_process, stop_on_signals
from chuanliu.serving import Board, Figure

START_LAG: Final = MINUTE
"""Units are asked for so long before the plan has them: a process is there within seconds."""


async def plan(settings: Settings, path: Path) -> None:
    """Run the planner until SIGTERM or SIGINT."""
    board = Board(path)
    rate, most = float(settings.unit_rate), settings.units_max

    def publish(need: Need) -> None:
        board[Figure.PLANNED], board[Figure.BY_LOAD], board[Figure.BY_HAND] = need.planned, need.by_load, need.by_hand
        board[Figure.WANTED] = need.units

    feed = PlanFeed(EventFeed(settings.calendar), unit_rate=rate, units_max=most, lag=START_LAG)
    planner = Planner(
        NeedOfUnits(least=settings.workers, most=most, unit_rate=rate),
        publish,
        url=settings.database_url,
        feed=feed,
        wish=lambda now: read_wish(settings.data).units(now),
    )
    try:
        await planner.run(stop_on_signals())
    finally:
        board.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--board", type=Path, required=True, help="the board of this machine's gateways")
    settings_given = settings_of_process()
    configure_log(settings_given.log_level)
    asyncio.run(plan(settings_given, parser.parse_args().board))
