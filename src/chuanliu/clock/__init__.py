"""Time: instants are `Micros` since the Unix epoch in UTC; civil dates and texts are in a named zone."""

from chuanliu.clock.instant import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    SHANGHAI,
    Micros,
    business_date,
    date_of,
    day_number,
    from_datetime,
    iso_text,
    parse_wall,
    to_datetime,
    wall_text,
)

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "SHANGHAI",
    "Micros",
    "business_date",
    "date_of",
    "day_number",
    "from_datetime",
    "iso_text",
    "parse_wall",
    "to_datetime",
    "wall_text",
]
