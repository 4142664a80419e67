"""Questions about reference data that must see every change already committed, here or elsewhere."""

from __future__ import annotations

from chuanliu.engine import Context, Keys, Query, Reference, Seen


class ReadReference(Query[Reference], frozen=True):
    """The snapshot of reference data as of now; the process's own may lag behind others' changes for a moment."""

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        pass

    def answer(self, seen: Seen, context: Context) -> Reference:
        return context.reference
