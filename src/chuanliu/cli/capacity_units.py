"""`chuanliu capacity units`: the gateway processes that come and go on a running installation, and a wish for more."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from chuanliu.cli.capacity import app
from chuanliu.cli.installation import Data, Json, show, show_rows
from chuanliu.cli.settings_of_command import settings_from
from chuanliu.clock import MINUTE, wall_text
from chuanliu.elastic import Wish, read_wish, write_wish
from chuanliu.errors import Invalid
from chuanliu.runtime import BOARD_FILE, CannotStart, read_status
from chuanliu.serving import PLACES, Board, Figure

_FIGURES: Final = {
    "wanted": Figure.WANTED,
    "by_plan": Figure.PLANNED,
    "by_load": Figure.BY_LOAD,
    "by_hand": Figure.BY_HAND,
    "asked": Figure.ASKED_TOTAL,
    "came": Figure.READY_TOTAL,
    "left": Figure.GONE_TOTAL,
    "failed": Figure.FAILED_TOTAL,
}


@app.command("units")
def units(
    at_least: Annotated[
        int | None,
        typer.Option("--at-least", min=0, max=PLACES, help="Have at least so many for a while; 0 ends that."),
    ] = None,
    minutes: Annotated[float, typer.Option("--minutes", help="How long.")] = 60.0,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show the units of a running installation: how many are wanted and why, what each does, what became of others."""
    folder = settings_from(data=data).data
    status = read_status(folder) or {}
    if status.get("state") != "running":
        raise CannotStart(f"nothing runs on {folder}: start it with `chuanliu up`, or say which with --data")
    if at_least is not None:
        _wish(folder, status, at_least, minutes)
    answer = {**_figures(folder), "wish": _wish_text(folder), "units": _running(status), "ended": _ended(status)}
    if as_json:
        show(answer, as_json=True)
        return
    show({name: value for name, value in answer.items() if name not in {"units", "ended"}}, as_json=False)
    show_rows("units", answer["units"], as_json=False)
    if answer["ended"]:
        show_rows("ended", answer["ended"], as_json=False)


def _wish(folder: Path, status: dict[str, Any], at_least: int, minutes: float) -> None:
    if not any(child["name"] == "planner" for child in status.get("children", [])):
        raise Invalid("invalid_parameter", "units do not come and go here: start with --units-max", field="at_least")
    if not 0 < minutes <= 7 * 24 * 60:
        raise Invalid("invalid_parameter", "the time must be above 0 and at most a week", field="minutes")
    write_wish(folder, Wish(at_least=at_least, until=time.time_ns() // 1000 + round(minutes * MINUTE)))


def _figures(folder: Path) -> dict[str, Any]:
    try:
        board = Board(folder / BOARD_FILE)
    except (OSError, ValueError):
        raise CannotStart(f"there is no board of units in {folder}") from None
    try:
        return {name: board[figure] for name, figure in _FIGURES.items()}
    finally:
        board.close()


def _wish_text(folder: Path) -> str | None:
    wish = read_wish(folder)
    now = time.time_ns() // 1000
    return f"at least {wish.at_least} until {wall_text(wish.until)}" if wish.units(now) else None


def _running(status: dict[str, Any]) -> list[dict[str, Any]]:
    lives = {unit["name"]: unit for unit in status.get("units", [])}
    rows = []
    for child in status.get("children", []):
        if str(child["name"]).startswith("gateway-"):
            life = lives.get(child["name"])
            phase = life["phase"] if life else child["state"]
            rows.append(
                {
                    "unit": child["name"],
                    "pid": child["pid"],
                    "phase": phase,
                    "since": wall_text(life["since"]) if life else None,
                    "reason": life["reason"] if life else "always there",
                }
            )
    return rows


def _ended(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"unit": unit["name"], "phase": unit["phase"], "at": wall_text(unit["since"]), "reason": unit["reason"]}
        for unit in reversed(status.get("units_ended", []))
    ]
