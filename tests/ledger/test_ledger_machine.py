"""Accounts, transfers and holds against a model of a few lines."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from chuanliu.engine import Command, Engine
from chuanliu.errors import ChuanliuError
from chuanliu.ids import account_cell
from chuanliu.ledger import Chart, EndHold, OpenAccount, PlaceHold, PostHold, PostTransfer, account_of
from chuanliu.ledger.fold_store import fold
from engine.rig import engines
from ledger.rig import funding, new_party, receivable, require_clean


@dataclass
class Modelled:
    """A checked account as the model has it."""

    floor: int
    balance: int = 0
    held: int = 0

    @property
    def available(self) -> int:
        return self.balance - self.held - self.floor


@dataclass
class Reserved:
    """A hold as the model has it."""

    hold_id: int
    account: int
    left: int
    active: bool = True


class Ledger(RuleBasedStateMachine):
    """Wallets, credit lines and two buffered accounts in one currency."""

    url: str
    engine: Engine
    runner: asyncio.Runner
    connection: psycopg.Connection[Any]

    def __init__(self) -> None:
        super().__init__()
        self.checked: dict[int, Modelled] = {}
        self.buffered = {receivable(new_party()): 0, receivable(new_party()): 0}
        self.holds: list[Reserved] = []

    def ask(self, *commands: Command[Any]) -> list[Any]:
        """Outcomes or codes, of one batch."""

        async def story() -> list[Any]:
            results = await self.engine.submit_all(commands)
            return [result.code if isinstance(result, ChuanliuError) else result for result in results]

        return self.runner.run(story())

    def account(self, number: int) -> int:
        names = [*self.checked, *self.buffered]
        return names[number % len(names)]

    def wallet(self, number: int) -> int:
        return list(self.checked)[number % len(self.checked)]

    def move(self, debit: int, credit: int, amount: int) -> str | None:
        """Move in the model; why not, if not."""
        if debit == credit:
            return "same_account"
        if debit in self.checked and self.checked[debit].available < amount:
            return "balance_below_floor"
        for account, signed in ((debit, -amount), (credit, amount)):
            if account in self.checked:
                self.checked[account].balance += signed
            elif account in self.buffered:
                self.buffered[account] += signed
        return None

    @rule(limit=st.sampled_from([0, 0, 300]))
    def open(self, limit: int) -> None:
        owner, chart = new_party(), Chart.CREDIT_USED if limit else Chart.CONSUMER_BALANCE
        (opened, twice) = self.ask(*[OpenAccount(owner, chart, "CNY", -limit)] * 2)
        assert (opened.balance_minor, twice) == (0, "account_exists")
        self.checked[account_of(owner, chart, "CNY")] = Modelled(-limit)

    @precondition(lambda self: self.checked)
    @rule(number=st.integers(0, 99), amount=st.integers(1, 500))
    def fund(self, number: int, amount: int) -> None:
        account = self.wallet(number)
        (outcome,) = self.ask(PostTransfer(funding(), account, amount, "sandbox_funding"))
        assert isinstance(outcome, int)
        self.checked[account].balance += amount

    @rule(
        moves=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(1, 300)), min_size=1, max_size=8)
    )
    def transfer(self, moves: list[tuple[int, int, int]]) -> None:
        chosen = [(self.account(debit), self.account(credit), amount) for debit, credit, amount in moves]
        outcomes = self.ask(*(PostTransfer(*move, "move") for move in chosen))
        for move, outcome in zip(chosen, outcomes, strict=True):
            refused = self.move(*move)
            assert outcome == refused if refused else isinstance(outcome, int)

    @precondition(lambda self: self.checked)
    @rule(number=st.integers(0, 99), to=st.integers(0, 99), amount=st.integers(1, 300))
    def reserve(self, number: int, to: int, amount: int) -> None:
        account, credit = self.wallet(number), list(self.buffered)[to % 2]
        (outcome,) = self.ask(PlaceHold(account, credit, amount, "stay"))
        if self.checked[account].available < amount:
            assert outcome == "balance_below_floor"
            return
        self.checked[account].held += amount
        self.holds.append(Reserved(outcome.hold_id, account, amount))

    @precondition(lambda self: self.holds)
    @rule(number=st.integers(0, 99), amount=st.integers(0, 300), final=st.booleans())
    def post(self, number: int, amount: int, final: bool) -> None:
        hold = self.holds[number % len(self.holds)]
        (outcome,) = self.ask(PostHold(hold.hold_id, amount, final))
        if not hold.active:
            assert outcome == "hold_not_active"
        elif not 0 < amount <= hold.left:
            assert outcome == "hold_exceeded"
        else:
            released = hold.left if final else amount
            self.checked[hold.account].held -= released
            assert self.move(hold.account, outcome.credit_account_id, amount) is None
            hold.left -= amount
            hold.active = not final and hold.left > 0
            assert (outcome.status == "active") == hold.active

    @precondition(lambda self: self.holds)
    @rule(number=st.integers(0, 99))
    def void(self, number: int) -> None:
        hold = self.holds[number % len(self.holds)]
        (outcome,) = self.ask(EndHold(hold.hold_id))
        if not hold.active:
            assert outcome == "hold_not_active"
        else:
            assert outcome.status == "voided"
            self.checked[hold.account].held -= hold.left
            hold.active = False

    @rule(deltas=st.integers(1, 50))
    def fold(self, deltas: int) -> None:
        async def story() -> None:
            async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
                await fold(connection, deltas_max=deltas)

        self.runner.run(story())

    @invariant()
    def the_database_is_the_model(self) -> None:
        for account, expected in self.checked.items():
            row = self.connection.execute(
                "SELECT balance_minor, held_minor, floor_minor FROM account WHERE cell = %s AND account_id = %s",
                [account_cell(account), account],
            ).fetchone()
            assert row == (expected.balance, expected.held, expected.floor)
        for account, balance in self.buffered.items():
            row = self.connection.execute(
                "SELECT coalesce((SELECT balance_minor FROM account WHERE account_id = %s), 0)"
                " + (SELECT coalesce(sum(amount_minor), 0) FROM delta WHERE account_id = %s)",
                [account, account],
            ).fetchone()
            assert row == (balance,)

    def teardown(self) -> None:
        require_clean(self.url)


def run_machine(url: str, examples: int, steps: int) -> None:
    limits = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
    with asyncio.Runner() as runner, psycopg.connect(url, autocommit=True) as connection:
        manager = engines(url)
        (engine,) = runner.run(manager.__aenter__())
        try:
            given = {"url": url, "engine": engine, "runner": runner, "connection": connection}
            run_state_machine_as_test(type("Ledger", (Ledger,), given), settings=limits)
        finally:
            runner.run(manager.__aexit__(None, None, None))


def test_the_ledger_follows_the_model(database_url: str) -> None:
    run_machine(database_url, examples=15, steps=30)


@pytest.mark.long
def test_the_ledger_follows_the_model_for_long(database_url: str) -> None:
    run_machine(database_url, examples=150, steps=50)
