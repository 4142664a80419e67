"""How fast offline work may go: fast while online work does not feel it, and not at all once it does."""

from __future__ import annotations

from typing import Final

CALM: Final = 0.25
"""Below this share of time in which somebody waits for a CPU, offline work goes faster."""
TIGHT: Final = 0.60
"""Above it, offline work stops until it is below again."""
CALM_WAIT_S: Final = 0.04
"""While online requests wait no longer than so before they are worked on, offline work goes faster."""
TIGHT_WAIT_S: Final = 0.1
"""While they wait longer, offline work stops. Admission turns requests away from 150 ms on."""
LOOK_S: Final = 0.02
"""How often a stopped job looks again. With a chunk of 50 ms it gives way within 70 ms."""
PAUSE_MAX_S: Final = 0.5
BLIND_DUTY: Final = 0.25
"""The share of time to work where the machine does not tell how pressed it is."""

_DUTY_MIN: Final = 0.05
_STEP: Final = 0.05


class Pace:
    """Decides after each chunk how long to pause. `duty` is the share of time at work, 0.05 to 1.

    Additive increase, multiplicative decrease, as TCP shares a line whose width it does not know (Chiu and Jain, 1989).
    """

    def __init__(self) -> None:
        self.duty = BLIND_DUTY

    def pause_after(self, chunk_s: float, pressure: float | None, wait_s: float | None = None) -> float:
        """Seconds to pause after a chunk that took `chunk_s`.

        `pressure` is the share of the time since the last look, 0 to 1, in which others waited for a CPU; `wait_s` how
        long online requests wait before they are worked on. Each is None where it is not known.
        """
        if self.must_wait(pressure, wait_s):
            self.duty = max(_DUTY_MIN, self.duty / 2)
        elif pressure is None:
            self.duty = BLIND_DUTY
        elif pressure < CALM and (wait_s or 0.0) <= CALM_WAIT_S:
            self.duty = min(1.0, self.duty + _STEP)
        return min(PAUSE_MAX_S, chunk_s * (1 - self.duty) / self.duty)

    @staticmethod
    def must_wait(pressure: float | None, wait_s: float | None = None) -> bool:
        """Whether to go on pausing: what is not known does not count."""
        return (pressure or 0.0) > TIGHT or (wait_s or 0.0) > TIGHT_WAIT_S
