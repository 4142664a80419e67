from itertools import pairwise

import pytest

from chuanliu.clock import HOUR, MINUTE, SECOND
from chuanliu.notifications import ALIPAY, NATIVE, Schedule


def offsets(schedule: Schedule) -> list[int]:
    """Every attempt's time when each is made exactly when due, the event at zero."""
    made: list[int] = []
    due = schedule.next_due(0, 0)
    while due is not None:
        made.append(due)
        due = schedule.next_due(len(made), due)
    return made


def test_alipay_schedule_is_the_published_one() -> None:
    gaps = [4 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR]
    made = offsets(ALIPAY)
    assert made[0] == 0
    assert [later - earlier for earlier, later in pairwise(made)] == gaps
    assert made[-1] == 24 * HOUR + 24 * MINUTE
    assert ALIPAY.attempts_max == len(made) == 8


def test_native_schedule_begins_at_once_and_ends() -> None:
    made = offsets(NATIVE)
    assert made[:3] == [0, 5 * SECOND, 5 * MINUTE + 5 * SECOND]
    assert made == sorted(made)
    assert len(made) == NATIVE.attempts_max == 10


@pytest.mark.parametrize("schedule", [ALIPAY, NATIVE])
def test_gaps_count_from_when_the_last_attempt_was_made(schedule: Schedule) -> None:
    assert schedule.next_due(1, 1000) == 1000 + schedule.gaps[1]
    assert schedule.next_due(schedule.attempts_max, 1000) is None
    assert schedule.next_due(schedule.attempts_max + 5, 1000) is None
