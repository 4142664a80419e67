"""Which promises cannot be kept together: a smallest set, by QuickXplain (Junker, 2004)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def irreducible_conflict(items: Sequence[Item], is_kept: Callable[[Sequence[Item]], bool]) -> list[Item]:
    """Some of `items` that cannot be kept together, while without any one of them they can; of several such sets,
    one whose last item comes earliest. `is_kept` tells whether a set can be kept. Empty when all can be.
    """
    return [] if is_kept(items) else _explain([], False, list(items), is_kept)


def _explain(
    background: list[Item], has_grown: bool, items: list[Item], is_kept: Callable[[Sequence[Item]], bool]
) -> list[Item]:
    if has_grown and not is_kept(background):
        return []
    if len(items) == 1:
        return items
    middle = len(items) // 2
    first, second = items[:middle], items[middle:]
    of_second = _explain(background + first, True, second, is_kept)
    of_first = _explain(background + of_second, bool(of_second), first, is_kept)
    return of_first + of_second
