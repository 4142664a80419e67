"""The states of campaigns as a transition table. The database's constraint lists the same names."""

from __future__ import annotations

from typing import Final

from chuanliu.errors import Refused

CAMPAIGN: Final[dict[str, frozenset[str]]] = {
    "draft": frozenset({"scheduled", "published", "closed"}),
    "scheduled": frozenset({"scheduled", "published", "paused", "exhausted", "closed"}),
    "published": frozenset({"paused", "exhausted", "closed"}),
    "paused": frozenset({"scheduled", "published", "closed"}),
    "exhausted": frozenset({"published", "paused", "closed"}),
    "closed": frozenset(),
}
"""A scheduled campaign runs from its start on; that it is published then is a matter of record."""

RUNNING: Final = frozenset({"scheduled", "published"})
"""What gives subsidies when its time has come."""

EDITABLE: Final = frozenset({"draft", "paused"})
"""Where terms, dates and sponsors' shares may change."""


def move(before: str, after: str) -> str:
    """The state after a legal move. Raises `Refused(campaign_status_invalid)`: owners ask for these moves."""
    if after not in CAMPAIGN[before]:
        raise Refused("campaign_status_invalid", f"a campaign that is {before} cannot become {after}")
    return after
