"""What a simulated bank does wrong, on purpose: shares in per mille, drawn per request."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

PerMille = Annotated[int, msgspec.Meta(ge=0, le=1000)]
Fault = Literal["none", "decline", "late", "twice", "lose_answer", "drop_link", "garbage", "busy"]


class FaultPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often each fault strikes. Their sum is at most 1000; the rest is answered as it should be.

    `latency_ms` delays every answer, `late_ms` those that are `late`. `outage` refuses connections and drops those
    that are open. `denies_repeats`: over ISO 8583, a call that was ruled on before is denied as a duplicate (94).
    """

    latency_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 0
    late_ms: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 15_000
    decline_code: str = "51"
    decline: PerMille = 0
    late: PerMille = 0
    twice: PerMille = 0
    lose_answer: PerMille = 0
    drop_link: PerMille = 0
    garbage: PerMille = 0
    busy: PerMille = 0
    outage: bool = False
    denies_repeats: bool = False

    def __post_init__(self) -> None:
        if sum(share for _, share in self.shares) > 1000:
            raise ValueError("the shares of faults sum to more than 1000 per mille")

    @property
    def shares(self) -> tuple[tuple[Fault, int], ...]:
        """Each fault with its share."""
        return (
            ("decline", self.decline),
            ("late", self.late),
            ("twice", self.twice),
            ("lose_answer", self.lose_answer),
            ("drop_link", self.drop_link),
            ("garbage", self.garbage),
            ("busy", self.busy),
        )

    def fault_at(self, draw: int) -> Fault:
        """The fault that a draw in [0, 1000) falls on."""
        edge = 0
        for fault, share in self.shares:
            edge += share
            if draw < edge:
                return fault
        return "none"
