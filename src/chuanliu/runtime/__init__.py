"""Composition: settings, the embedded PostgreSQL, migrations, and the processes of one machine."""

from chuanliu.runtime.backup_store import back_up
from chuanliu.runtime.child_server import ChildSpec
from chuanliu.runtime.embedded_postgres_server import EmbeddedPostgres, database_of
from chuanliu.runtime.migrate_store import MigrationState, ensure_database, migrate, migration_state, with_database
from chuanliu.runtime.partition_store import ensure_partitions
from chuanliu.runtime.settings import Settings, read_settings
from chuanliu.runtime.start_errors import CannotStart
from chuanliu.runtime.supervisor_server import Supervisor, read_status

__all__ = [
    "CannotStart",
    "ChildSpec",
    "EmbeddedPostgres",
    "MigrationState",
    "Settings",
    "Supervisor",
    "back_up",
    "database_of",
    "ensure_database",
    "ensure_partitions",
    "migrate",
    "migration_state",
    "read_settings",
    "read_status",
    "with_database",
]
