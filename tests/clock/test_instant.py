"""Instants: exact to the microsecond, read and written in named zones."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.clock import (
    DAY,
    SECOND,
    SHANGHAI,
    Micros,
    business_date,
    from_datetime,
    iso_text,
    parse_wall,
    to_datetime,
    wall_text,
)
from chuanliu.errors import Invalid

INSTANTS = st.integers(0, 4_102_444_800 * SECOND)
NOON = from_datetime(datetime(2026, 11, 11, 4, tzinfo=UTC))


@given(INSTANTS)
def test_datetimes_convert_exactly(at: Micros) -> None:
    assert from_datetime(to_datetime(at)) == at
    assert from_datetime(to_datetime(at, SHANGHAI)) == at


@given(INSTANTS)
def test_wall_texts_read_back_to_the_second(at: Micros) -> None:
    assert parse_wall(wall_text(at)) == at - at % SECOND


def test_texts() -> None:
    assert wall_text(NOON + 999_999) == "2026-11-11 12:00:00"
    assert wall_text(NOON, UTC) == "2026-11-11 04:00:00"
    assert iso_text(NOON + 7_999) == "2026-11-11T04:00:00.007Z"
    assert parse_wall("2026-11-11 12:00") == NOON


@pytest.mark.parametrize(
    "text", ["", "2026-11-11", "2026-13-01 00:00:00", "2026-11-11T12:00:00", "2026-02-30 00:00:00", "x"]
)
def test_texts_that_are_no_time(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_wall(text, field="time_expire")
    assert (refused.value.code, refused.value.field) == ("invalid_parameter", "time_expire")


def test_a_naive_datetime_is_no_instant() -> None:
    with pytest.raises(ValueError, match="naive"):
        from_datetime(datetime(2026, 1, 1))


def test_the_business_day_begins_at_midnight_in_shanghai() -> None:
    midnight = from_datetime(datetime(2026, 11, 10, 16, tzinfo=UTC))
    assert business_date(midnight) == date(2026, 11, 11)
    assert business_date(midnight - 1) == date(2026, 11, 10)
    assert business_date(midnight + DAY) == date(2026, 11, 12)
