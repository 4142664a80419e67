"""Any command under an `Idempotency-Key`: the first answer is stored and given again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen, lock_record, recall, remember
from chuanliu.gateway.native.operation import Answer


def _as_it_is(body: bytes) -> bytes:
    return body


class Recorded(NamedTuple):
    """An answer as it is stored, and the outcome behind it; None where the answer is given again."""

    answer: Answer
    outcome: Any = None


class Idempotent(Command[Recorded], frozen=True):
    """Decide `command` once under a key, render its outcome, and store that answer.

    The same key with the same `fields` gets the first answer, with others `Conflict(idempotency_conflict)` naming the
    field. A command that raises stores nothing and may be sent again. `conceal` and `reveal` are for an answer that
    holds a secret.
    """

    command: Command[Any]
    render: Callable[[Any], Answer]
    merchant_id: int
    operation: str
    key: str
    fields: Mapping[str, str]
    conceal: Callable[[bytes], bytes] = _as_it_is
    reveal: Callable[[bytes], bytes] = _as_it_is

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_record(keys, self.merchant_id, self.operation, self.key)
        self.command.discover(seen, keys, reference)

    def decide(self, rows: Rows, context: Context) -> Recorded:
        before = recall(rows, self.merchant_id, self.operation, self.key, self.fields)
        if before is not None:
            return Recorded(Answer(int.from_bytes(before[:2]), self.reveal(before[2:])))
        outcome = self.command.decide(rows, context)
        answer = self.render(outcome)
        stored = answer.status.to_bytes(2) + self.conceal(answer.body)
        remember(rows, self.merchant_id, self.operation, self.key, self.fields, stored, context.now)
        return Recorded(answer, outcome)
