"""YAML documents read node by node, so that whatever is wrong is named with its line. Nothing is guessed."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import yaml

from chuanliu.calendars.events import Quantiles
from chuanliu.clock import DAY, Micros, from_datetime
from chuanliu.errors import Invalid

FILE_LENGTH_MAX: Final = 8 * 1024 * 1024
EVENT_DAYS_MAX: Final = 366


def compose(text: str, what: str) -> yaml.Node | None:
    """The root of a document, `None` of an empty one. Raises `Invalid` with the line of what is no YAML."""
    if len(text) > FILE_LENGTH_MAX:
        raise Invalid("invalid_parameter", f"{what} is longer than {FILE_LENGTH_MAX} characters")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Invalid("invalid_parameter", f"line {line}: {error.problem or 'not YAML'}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Invalid("invalid_parameter", f"not YAML: {error}") from None
    if root is not None:
        _join_surrogates(root)
    return root


def _join_surrogates(root: yaml.Node) -> None:
    """JSON escapes what is beyond 16 bits as a pair, of which YAML makes two characters: joins them in place.

    Raises `Invalid` for half of a pair, which no text in UTF-8 has.
    """
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            try:
                node.value = node.value.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
            except UnicodeDecodeError:
                where = f"line {node.start_mark.line + 1}"
                raise Invalid("invalid_parameter", f"{where}: half of a surrogate pair") from None
        elif isinstance(node, yaml.MappingNode):
            waiting += [each for pair in node.value for each in pair]
        else:
            waiting += node.value


class Reading:
    """One pass over a document: values of nodes as they are asked for, while problems gather in `problems`."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def finish(self) -> None:
        """Raises `Invalid` with all problems, if there are any."""
        if self.problems:
            raise Invalid("invalid_parameter", "; ".join(self.problems[:50]))

    def say(self, node: yaml.Node, what: str) -> None:
        """Notes a problem at the line of a node."""
        self.problems.append(f"line {node.start_mark.line + 1}: {what}")

    def mapping(self, node: yaml.Node, what: str, known: set[str]) -> dict[str, yaml.Node]:
        """The members of a mapping; unknown and repeated ones are problems, and so is another kind of node."""
        if not isinstance(node, yaml.MappingNode):
            self.say(node, f"{what} must be a mapping")
            return {}
        members: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name not in known:
                self.say(key, f"`{name}` is not known; {what} has {', '.join(sorted(known))}")
            elif name in members:
                self.say(key, f"`{name}` is given twice")
            else:
                members[name] = value
        return members

    def text(self, node: yaml.Node | None) -> str:
        """The text of a scalar; empty when it is none."""
        return node.value.strip() if isinstance(node, yaml.ScalarNode) else ""

    def number(self, node: yaml.Node, name: str, *, above: float = -1.0) -> float:
        """A finite number of 0 or more, larger than `above`, at most 1e12; NaN with a problem noted otherwise."""
        try:
            value = float(self.text(node).replace("_", ""))
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < 0 or value <= above or value > 1e12:
            least = "above 0" if above >= 0 else "0 or more"
            self.say(node, f"`{name}` must be a number, {least}")
            return math.nan
        return value

    def moment(self, node: yaml.Node, name: str, zone: ZoneInfo | None) -> Micros:
        """An instant; 0 with a problem noted when it is none or has no zone."""
        text = self.text(node)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.say(node, f"`{name}` must be a time in ISO 8601, such as 2026-11-11T20:00:00+08:00")
            return 0
        if moment.tzinfo is None:
            if zone is None:
                self.say(node, f"`{name}` has no zone: write an offset, or add `zone: Asia/Shanghai`")
                return 0
            moment = moment.replace(tzinfo=zone)
        return from_datetime(moment)

    def zone(self, node: yaml.Node) -> ZoneInfo | None:
        """A time zone by its name; `None` with a problem noted."""
        try:
            return ZoneInfo(self.text(node))
        except (ValueError, OSError, KeyError):
            self.say(node, "`zone` must be a name such as Asia/Shanghai")
            return None

    def quantiles(self, node: yaml.Node) -> Quantiles | None:
        """A mapping of p50, p90 and p99, which must ascend."""
        before = len(self.problems)
        members = self.mapping(node, "peak_per_s", {"p50", "p90", "p99"})
        for name in ("p50", "p90", "p99"):
            if name not in members and len(self.problems) == before:
                self.say(node, f"`peak_per_s.{name}` is missing")
        found = {name: self.number(value, f"peak_per_s.{name}") for name, value in members.items()}
        if len(self.problems) > before:
            return None
        if not found["p50"] <= found["p90"] <= found["p99"]:
            self.say(node, "p50, p90 and p99 must ascend")
            return None
        return Quantiles(**found)

    def span(self, members: dict[str, yaml.Node]) -> tuple[Micros, Micros]:
        """`start` alone, or both ends of `window`; 0 for what is missing or wrong."""
        zone = None
        if "zone" in members:
            zone = self.zone(members["zone"])
            if zone is None:
                return 0, 0
        if "start" in members:
            return self.moment(members["start"], "start", zone), 0
        ends = self.mapping(members["window"], "window", {"from", "to"})
        if len(ends) < 2:
            self.say(members["window"], "`window` must have `from` and `to`")
            return 0, 0
        start, end = self.moment(ends["from"], "window.from", zone), self.moment(ends["to"], "window.to", zone)
        if not start < end <= start + EVENT_DAYS_MAX * DAY:
            self.say(members["window"], "`to` must be after `from`")
        return start, end
