"""Questions about bills. Each is asked for one consumer, who sees only her own."""

from __future__ import annotations

from chuanliu.bills.tables import LINE_STANDING, STATEMENTS_OF_CONSUMER, LineStanding, Statement
from chuanliu.engine import Context, Keys, Query, Reference, Seen
from chuanliu.errors import NotFound
from chuanliu.ids import cell_of_id, cell_of_party


class FindStatements(Query[tuple[Statement, ...]], frozen=True):
    """The statements of a consumer, oldest first; with a product only those of it."""

    consumer_id: int
    product_id: int | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.look(STATEMENTS_OF_CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)

    def answer(self, seen: Seen, context: Context) -> tuple[Statement, ...]:
        found = seen.find(STATEMENTS_OF_CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)
        wanted = (each for each in found if self.product_id in (None, each.product_id))
        return tuple(sorted(wanted, key=lambda each: (each.cycle, each.product_id, each.line_no)))


class FindStatement(FindStatements, frozen=True):
    """As `FindStatements`, of one cycle (yyyymm). Raises `NotFound(statement_not_found)` where there is none."""

    cycle: int = 0

    def answer(self, seen: Seen, context: Context) -> tuple[Statement, ...]:
        found = tuple(each for each in super().answer(seen, context) if each.cycle == self.cycle)
        if not found:
            raise NotFound("statement_not_found")
        return found


class FindStandings(Query[tuple[LineStanding, ...]], frozen=True):
    """The standings of a consumer's lines, of those that have one."""

    consumer_id: int
    instrument_ids: tuple[int, ...]

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        for number in self.instrument_ids:
            keys.look(LINE_STANDING, cell_of_id(number), number)

    def answer(self, seen: Seen, context: Context) -> tuple[LineStanding, ...]:
        found = (seen.get(LINE_STANDING, cell_of_id(number), number) for number in self.instrument_ids)
        return tuple(each for each in found if each is not None and each.consumer_id == self.consumer_id)
