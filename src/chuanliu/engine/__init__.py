"""The engine: commands go in, batches are committed, outcomes come out. The only writer of the database.

See docs/engine.md for how a batch runs and what each failure does.
"""

from chuanliu.engine.command import Command, Context, Query
from chuanliu.engine.engine import Engine, EngineSettings
from chuanliu.engine.escrow import (
    ESCROW_STRIPE,
    EscrowStripe,
    available,
    change_budget,
    give_back,
    known_available,
    lock_stripe,
    lock_stripes,
    lock_to_take,
    open_budget,
    stripes_of,
    take,
)
from chuanliu.engine.idempotency import IDEMPOTENCY, IdempotencyRecord, lock_record, recall, remember
from chuanliu.engine.intake import LaneLimits
from chuanliu.engine.kinds import BigIntList, Instant, Integer, SmallInt
from chuanliu.engine.lane import LaneCounters
from chuanliu.engine.old_rows import OldRows
from chuanliu.engine.outbox import OUTBOX, OutboxEvent
from chuanliu.engine.reference import REFERENCE_VERSION, Reference, change_reference, lock_reference, raise_version
from chuanliu.engine.rows import Keys, Need, Rows, Seen
from chuanliu.engine.table import Index, Row, Table

__all__ = [
    "ESCROW_STRIPE",
    "IDEMPOTENCY",
    "OUTBOX",
    "REFERENCE_VERSION",
    "BigIntList",
    "Command",
    "Context",
    "Engine",
    "EngineSettings",
    "EscrowStripe",
    "IdempotencyRecord",
    "Index",
    "Instant",
    "Integer",
    "Keys",
    "LaneCounters",
    "LaneLimits",
    "Need",
    "OldRows",
    "OutboxEvent",
    "Query",
    "Reference",
    "Row",
    "Rows",
    "Seen",
    "SmallInt",
    "Table",
    "available",
    "change_budget",
    "change_reference",
    "give_back",
    "known_available",
    "lock_record",
    "lock_reference",
    "lock_stripe",
    "lock_stripes",
    "lock_to_take",
    "open_budget",
    "raise_version",
    "recall",
    "remember",
    "stripes_of",
    "take",
]
