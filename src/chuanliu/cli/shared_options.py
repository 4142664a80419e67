"""Options that several commands share, declared once: a command is made of an action and of what surrounds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import Parameter, Signature, signature
from typing import Any


def parameters_of(function: Callable[..., Any]) -> list[Parameter]:
    """Its parameters as the command line has them. Those that are positional only are not given there."""
    own = signature(function, eval_str=True).parameters.values()
    return [each for each in own if each.kind is not Parameter.POSITIONAL_ONLY]


def with_parameters(around: Callable[..., None], parameters: Iterable[Parameter], text: str) -> Callable[..., None]:
    """`around`, that takes any keywords, as a function of these parameters with this text of help."""
    named = list(parameters)
    around.__doc__ = text
    around.__annotations__ = {each.name: each.annotation for each in named}
    around.__signature__ = Signature(named)  # type: ignore[attr-defined]
    return around
