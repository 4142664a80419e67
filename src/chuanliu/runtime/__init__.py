"""Composition: settings, the embedded PostgreSQL, migrations, and the processes of one machine."""

from chuanliu.runtime.audit_store import AuditReport, CheckResult, audit
from chuanliu.runtime.backup_store import back_up
from chuanliu.runtime.child_server import ChildSpec
from chuanliu.runtime.embedded_postgres_server import EmbeddedPostgres, database_of
from chuanliu.runtime.engine_session_store import (
    calm_collector,
    draw_authority_material,
    engine_session,
    ensure_platform,
    settings_of_process,
)
from chuanliu.runtime.master_key_store import create_vault, open_vault
from chuanliu.runtime.migrate_store import MigrationState, ensure_database, migrate, migration_state, with_database
from chuanliu.runtime.partition_store import ensure_partitions
from chuanliu.runtime.process_log import configure_log
from chuanliu.runtime.settings import Settings, read_settings
from chuanliu.runtime.start_errors import CannotStart
from chuanliu.runtime.supervisor_server import Supervisor, read_status

__all__ = [
    "AuditReport",
    "CannotStart",
    "CheckResult",
    "ChildSpec",
    "EmbeddedPostgres",
    "MigrationState",
    "Settings",
    "Supervisor",
    "audit",
    "back_up",
    "calm_collector",
    "configure_log",
    "create_vault",
    "database_of",
    "draw_authority_material",
    "engine_session",
    "ensure_database",
    "ensure_partitions",
    "ensure_platform",
    "migrate",
    "migration_state",
    "open_vault",
    "read_settings",
    "read_status",
    "settings_of_process",
    "with_database",
]
