"""Composition: settings, the embedded PostgreSQL, migrations, and the processes of one machine."""

from chuanliu.runtime.embedded_postgres_server import EmbeddedPostgres
from chuanliu.runtime.migrate_store import MigrationState, ensure_database, migrate, migration_state, with_database
from chuanliu.runtime.start_errors import CannotStart

__all__ = [
    "CannotStart",
    "EmbeddedPostgres",
    "MigrationState",
    "ensure_database",
    "migrate",
    "migration_state",
    "with_database",
]
