"""Composition: settings, the embedded PostgreSQL, migrations, and the processes of one machine."""

from chuanliu.runtime.child_server import ChildSpec
from chuanliu.runtime.embedded_postgres_server import EmbeddedPostgres
from chuanliu.runtime.migrate_store import MigrationState, ensure_database, migrate, migration_state, with_database
from chuanliu.runtime.partition_store import ensure_partitions
from chuanliu.runtime.start_errors import CannotStart
from chuanliu.runtime.supervisor_server import Supervisor, read_status

__all__ = [
    "CannotStart",
    "ChildSpec",
    "EmbeddedPostgres",
    "MigrationState",
    "Supervisor",
    "ensure_database",
    "ensure_partitions",
    "migrate",
    "migration_state",
    "read_status",
    "with_database",
]
