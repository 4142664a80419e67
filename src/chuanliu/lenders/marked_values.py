"""YAML and JSON as plain values whose scalars are text, exactly as it was written, with the place of each in the file.

A rate of `2.30` stays those four characters; a schema, not a parser, decides what is a number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeAlias

import yaml

Value: TypeAlias = "dict[str, Value] | list[Value] | str | bool | None"

DEPTH_MAX: Final = 32
_YAML_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "value", "merge")
)
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTHS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class Problem(NamedTuple):
    """What is wrong in a file. Line and column count from 1 and are None where the source keeps none."""

    line: int | None
    column: int | None
    path: str
    message: str

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}, column {self.column}: "
        return f"{place}{self.path}: {self.message}" if self.path else f"{place}{self.message}"


class Unreadable(Exception):
    """The text is not YAML or JSON as it is taken here."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Marked:
    """A value with the places of its parts."""

    def __init__(self) -> None:
        self.value: Value = None
        self._values: dict[str, tuple[int, int]] = {}
        self._keys: dict[str, tuple[int, int]] = {}

    def mark(self, path: str, mark: Any, *, key: bool = False) -> None:
        """Remember where a value, or the key before it, begins."""
        (self._keys if key else self._values)[path] = (mark.line + 1, mark.column + 1)

    def problem(self, path: str, message: str) -> Problem:
        """What is wrong at a path, at its place or that of the nearest part around it."""
        at = path
        while at not in self._values and at not in self._keys and at:
            at = at[: max(at.rfind("."), at.rfind("["), 0)]
        line, column = self._values.get(at) or self._keys.get(at) or (None, None)
        return Problem(line, column, path, message)

    def problems(self, flaws: Iterable[tuple[str, str]]) -> list[Problem]:
        """Paths and messages as problems, in the order of the file."""
        found = [self.problem(path, message) for path, message in flaws]
        return sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0))


def member_path(path: str, name: str) -> str:
    """The path of a member of a mapping."""
    return f"{path}.{name}" if path else name


def read_yaml(text: str) -> Marked:
    """One YAML document without tags, anchors and repeated keys. Raises `Unreadable`."""
    marked = Marked()
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            marked.value = _YamlReading(marked).value(node, "", 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (None, None) if mark is None else (mark.line + 1, mark.column + 1)
        raise Unreadable(Problem(line, column, "", f"not YAML: {error.problem or error.context}")) from None
    except yaml.YAMLError:
        raise Unreadable(Problem(None, None, "", "not YAML: it has characters that no text has")) from None
    except RecursionError:
        raise Unreadable(Problem(None, None, "", "nested too deeply")) from None
    return marked


class _YamlReading:
    def __init__(self, marked: Marked) -> None:
        self._marked = marked
        self._visited: set[int] = set()

    def _refuse(self, node: Any, path: str, message: str) -> Unreadable:
        return Unreadable(Problem(node.start_mark.line + 1, node.start_mark.column + 1, path, message))

    def value(self, node: Any, path: str, depth: int) -> Value:
        """A node's value; what it holds is marked."""
        if id(node) in self._visited:
            # An alias is the node that it names, with that one's place: the key before it is nearer.
            raise Unreadable(self._marked.problem(path, "anchors and aliases are not taken"))
        self._marked.mark(path, node.start_mark)
        self._visited.add(id(node))
        if depth > DEPTH_MAX:
            raise self._refuse(node, path, "nested too deeply")
        if node.tag not in _YAML_TAGS:
            raise self._refuse(node, path, "tags are not taken")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, f"{path}[{number}]", depth + 1) for number, each in enumerate(node.value)]
        if node.style is None and node.value in _NULLS:
            return None
        if node.style is None and node.value in _TRUTHS:
            return _TRUTHS[node.value]
        return str(node.value)

    def _mapping(self, node: Any, path: str, depth: int) -> dict[str, Value]:
        members: dict[str, Value] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._refuse(key, path, "a key must be text")
            at = member_path(path, key.value)
            if key.value in members:
                raise self._refuse(key, at, "is given twice")
            self._marked.mark(at, key.start_mark, key=True)
            members[key.value] = self.value(value, at, depth + 1)
        return members


def read_json(text: str) -> Marked:
    """One JSON document without repeated keys; its parts have paths and no places. Raises `Unreadable`."""
    try:
        raw = json.loads(text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_pairs)
    except json.JSONDecodeError as error:
        raise Unreadable(Problem(error.lineno, error.colno, "", f"not JSON: {error.msg}")) from None
    except _Twice as error:
        raise Unreadable(Problem(None, None, str(error), "is given twice")) from None
    except RecursionError:
        raise Unreadable(Problem(None, None, "", "nested too deeply")) from None
    marked = Marked()
    marked.value = raw
    return marked


class _Twice(Exception):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return members
