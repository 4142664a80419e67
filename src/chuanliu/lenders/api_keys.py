"""API keys by which a lender runs its own campaigns and reads its reports."""

from __future__ import annotations

from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen, lock_reference, raise_version
from chuanliu.errors import NotFound
from chuanliu.ids import cell_of_party
from chuanliu.lenders.tables import LENDER
from chuanliu.parties import API_KEY, ApiKey, NewApiKey


class AddLenderKey(Command[ApiKey], frozen=True):
    """A further API key of a lender. `EndApiKey` with the lender's number revokes it.

    Raises `NotFound(lender_not_found)`.
    """

    lender_id: int
    api_key: NewApiKey

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_reference(keys)
        keys.lock(LENDER, cell_of_party(self.lender_id), self.lender_id)

    def decide(self, rows: Rows, context: Context) -> ApiKey:
        cell = cell_of_party(self.lender_id)
        if rows.get(LENDER, cell, self.lender_id) is None:
            raise NotFound("lender_not_found")
        new = self.api_key
        key = ApiKey(
            cell,
            context.new_id(cell),
            self.lender_id,
            "lender",
            new.sha256,
            new.hint,
            None,
            context.now,
            raise_version(rows),
        )
        rows.insert(API_KEY, key)
        return key
