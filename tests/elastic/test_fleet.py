"""A fleet against a provider whose units come late, never, die and hang."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chuanliu.elastic import Fleet, Limits, Phase, Seen, carry_out

LIMITS = Limits(ask_s=4, start_s=8, drain_s=6, end_s=2)


@dataclass
class Yard:
    """Units by hand: each stays as it is until it is told or moved."""

    units: dict[str, Seen] = field(default_factory=dict)
    asked: int = 0
    room: int = 100
    drained: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)

    def seen(self) -> dict[str, Seen]:
        return dict(self.units)

    def ask(self) -> str | None:
        if len(self.units) >= self.room:
            return None
        self.asked += 1
        self.units[f"u{self.asked}"] = Seen.STARTING
        return f"u{self.asked}"

    def drain(self, name: str) -> None:
        self.drained.append(name)
        if name in self.units:
            self.units[name] = Seen.LEAVING

    def kill(self, name: str) -> None:
        self.killed.append(name)
        self.units.pop(name, None)

    def all_ready(self) -> None:
        self.units = {name: Seen.READY if how is Seen.STARTING else how for name, how in self.units.items()}

    def all_gone(self) -> None:
        self.units = {name: how for name, how in self.units.items() if how is not Seen.LEAVING}


def step(fleet: Fleet, yard: Yard, wanted: int, now: float) -> None:
    carry_out(fleet.step(wanted, yard.seen(), now), fleet, yard, now)


def phases(fleet: Fleet) -> list[str]:
    return sorted(unit.phase.value for unit in fleet.units.values())


def test_out_and_back() -> None:
    fleet, yard = Fleet(LIMITS), Yard()
    step(fleet, yard, 2, 0.0)
    assert phases(fleet) == ["asked", "asked"]
    step(fleet, yard, 2, 1.0)
    yard.all_ready()
    step(fleet, yard, 2, 2.0)
    assert (phases(fleet), yard.asked) == (["ready", "ready"], 2)
    step(fleet, yard, 1, 3.0)
    assert (phases(fleet), len(yard.drained)) == (["draining", "ready"], 1)
    yard.all_gone()
    step(fleet, yard, 1, 4.0)
    assert (phases(fleet), [unit.phase for unit in fleet.ended]) == (["ready"], [Phase.GONE])
    assert fleet.counts == (2, 2, 1, 0)


def test_who_does_not_serve_yet_leaves_first_and_what_is_wanted_again_is_asked_for_anew() -> None:
    fleet, yard = Fleet(LIMITS), Yard()
    step(fleet, yard, 1, 0.0)
    yard.all_ready()
    step(fleet, yard, 3, 1.0)
    step(fleet, yard, 2, 2.0)
    step(fleet, yard, 1, 3.0)
    assert sorted(yard.drained) == ["u2", "u3"]
    step(fleet, yard, 2, 4.0)
    assert (yard.asked, phases(fleet)) == (4, ["asked", "draining", "draining", "ready"])


def test_after_failures_the_next_one_is_asked_for_later_and_later() -> None:
    fleet, yard = Fleet(LIMITS), Yard()
    asked_at = []
    for tenth in range(1300):
        before = yard.asked
        step(fleet, yard, 1, tenth / 10)
        if yard.asked > before:
            asked_at.append(tenth / 10)
        if fleet.of(Phase.STARTING):
            yard.units.clear()  # it dies before it serves
    gaps = [later - earlier for earlier, later in pairwise(asked_at)]
    assert [round(gap) for gap in gaps] == [1, 2, 4, 8, 16, 32, 60]
    assert fleet.counts.failed == len(asked_at)
    yard.room = 0
    assert all(unit.reason == "ended while it started" for unit in fleet.ended)


def test_a_unit_that_hangs_is_ended_and_replaced() -> None:
    fleet, yard = Fleet(LIMITS), Yard()
    for second in range(12):
        step(fleet, yard, 1, float(second))
    assert (yard.killed, fleet.counts.failed) == (["u1"], 1)
    assert yard.asked == 2
    yard.all_ready()
    step(fleet, yard, 1, 12.0)
    step(fleet, yard, 0, 13.0)
    for second in range(14, 22):
        step(fleet, yard, 0, float(second))
    assert yard.killed == ["u1", "u2"]
    assert (fleet.counts.gone, fleet.counts.failed) == (0, 2)


def test_units_of_an_earlier_run_are_taken_in() -> None:
    fleet, yard = Fleet(LIMITS), Yard({"a": Seen.READY, "b": Seen.READY, "c": Seen.LEAVING, "d": Seen.STARTING})
    step(fleet, yard, 2, 0.0)
    assert (yard.asked, yard.drained) == (0, ["d"])
    assert phases(fleet) == ["draining", "draining", "ready", "ready"]


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["nothing", "ready", "die", "gone", "doubt", "leave"]),
        st.integers(0, 5),
        st.integers(0, 4),
        st.floats(0.1, 5),
    ),
    max_size=60,
)


@given(moves=MOVES)
def test_who_serves_leaves_only_when_enough_others_serve(moves: list[tuple[str, int, int, float]]) -> None:
    fleet, yard, now = Fleet(LIMITS), Yard(), 0.0
    for kind, which, wanted, passed in moves:
        now += passed
        names = sorted(yard.units)
        if names and kind not in {"nothing", "gone"}:
            name = names[which % len(names)]
            if kind == "die":
                del yard.units[name]
            elif yard.units[name] is not Seen.LEAVING:
                yard.units[name] = {"ready": Seen.READY, "doubt": Seen.STARTING, "leave": Seen.LEAVING}[kind]
        if kind == "gone":
            yard.all_gone()
        before = len(yard.drained)
        serving_before = {name for name, how in yard.units.items() if how is Seen.READY}
        step(fleet, yard, wanted, now)
        told = [name for name in yard.drained[before:] if name in serving_before]
        left = [unit for unit in fleet.of(Phase.READY) if unit.name in serving_before]
        assert not told or len(left) >= wanted
        assert len(fleet.of(Phase.ASKED, Phase.STARTING, Phase.READY)) <= max(wanted, 0)
    # Once units do as they are told, there are as many as are wanted, whatever was before.
    for _ in range(40):
        now += 2.0
        yard.all_ready()
        yard.all_gone()
        step(fleet, yard, 3, now)
    assert phases(fleet) == ["ready"] * 3
    assert fleet.counts.asked == yard.asked
