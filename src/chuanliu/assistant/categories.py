"""Merchant category codes (ISO 18245) in a dozen groups that people think in."""

from __future__ import annotations

from typing import Final

UNKNOWN: Final = "unknown"
OTHER: Final = "other"

CATEGORY_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "food": ("超市食品", "Groceries"),
    "eating": ("餐饮", "Eating out"),
    "shopping": ("百货购物", "Department stores"),
    "clothes": ("服饰", "Clothes"),
    "electronics": ("数码家电", "Electronics"),
    "home": ("家居", "Home"),
    "transport": ("交通出行", "Getting about"),
    "travel": ("旅行住宿", "Travel"),
    "bills": ("水电通讯", "Utilities and phone"),
    "health": ("医疗健康", "Health"),
    "education": ("教育", "Education"),
    "leisure": ("休闲娱乐", "Leisure"),
    OTHER: ("其他", "Other"),
    UNKNOWN: ("未分类", "Not classified"),
}
"""What each group is called, in Chinese and English."""

_RANGES: Final = (
    (3000, 3350, "travel"),
    (3351, 3441, "transport"),
    (3501, 3999, "travel"),
    (4011, 4011, "transport"),
    (4111, 4131, "transport"),
    (4411, 4411, "travel"),
    (4511, 4582, "travel"),
    (4722, 4723, "travel"),
    (4784, 4789, "transport"),
    (4812, 4900, "bills"),
    (5200, 5261, "home"),
    (5300, 5399, "shopping"),
    (5411, 5499, "food"),
    (5511, 5599, "transport"),
    (5611, 5699, "clothes"),
    (5712, 5719, "home"),
    (5722, 5722, "electronics"),
    (5732, 5735, "electronics"),
    (5811, 5814, "eating"),
    (5815, 5818, "leisure"),
    (5912, 5912, "health"),
    (5940, 5941, "leisure"),
    (5942, 5943, "education"),
    (5945, 5947, "leisure"),
    (5948, 5949, "clothes"),
    (5971, 5973, "home"),
    (5975, 5976, "health"),
    (5977, 5977, "health"),
    (5992, 5992, "home"),
    (7011, 7033, "travel"),
    (7230, 7230, "health"),
    (7297, 7298, "health"),
    (7511, 7549, "transport"),
    (7622, 7623, "electronics"),
    (7829, 7999, "leisure"),
    (8011, 8099, "health"),
    (8211, 8299, "education"),
)
"""First code, last code, group. What is in none is `other`."""


def group_of(category: str) -> str:
    """The group of a merchant category code; `unknown` for an empty or malformed one."""
    if len(category) != 4 or not (category.isascii() and category.isdigit()):
        return UNKNOWN
    code = int(category)
    return next((group for first, last, group in _RANGES if first <= code <= last), OTHER)
