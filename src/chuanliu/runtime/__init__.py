"""Composition: settings, the embedded PostgreSQL, migrations, and the processes of one machine."""

from chuanliu.runtime.audit_store import AuditReport, CheckResult, audit
from chuanliu.runtime.backup_store import back_up
from chuanliu.runtime.child_server import ChildSpec
from chuanliu.runtime.data_folder_store import read_status
from chuanliu.runtime.embedded_postgres_server import EmbeddedPostgres, database_of
from chuanliu.runtime.engine_session_store import (
    SNAPSHOT_TABLES,
    calm_collector,
    draw_authority_material,
    engine_session,
    ensure_platform,
    settings_of_process,
)
from chuanliu.runtime.health_client import gateway_answers
from chuanliu.runtime.master_key_store import (
    MasterKeyNames,
    change_master_key,
    create_vault,
    forget_master_keys,
    master_key_names,
    open_vault,
    prepare_master_key,
)
from chuanliu.runtime.migrate_store import MigrationState, ensure_database, migrate, migration_state, with_database
from chuanliu.runtime.partition_store import ensure_partitions
from chuanliu.runtime.process_log import configure_log
from chuanliu.runtime.resealing_store import keys_needed, reseal
from chuanliu.runtime.settings import BOARD_FILE, DOOR_VARIABLE, Settings, read_settings
from chuanliu.runtime.start_errors import CannotStart
from chuanliu.runtime.stopping_server import stop_on_signals
from chuanliu.runtime.supervisor_server import Supervisor

__all__ = [
    "BOARD_FILE",
    "DOOR_VARIABLE",
    "SNAPSHOT_TABLES",
    "AuditReport",
    "CannotStart",
    "CheckResult",
    "ChildSpec",
    "EmbeddedPostgres",
    "MasterKeyNames",
    "MigrationState",
    "Settings",
    "Supervisor",
    "audit",
    "back_up",
    "calm_collector",
    "change_master_key",
    "configure_log",
    "create_vault",
    "database_of",
    "draw_authority_material",
    "engine_session",
    "ensure_database",
    "ensure_partitions",
    "ensure_platform",
    "forget_master_keys",
    "gateway_answers",
    "keys_needed",
    "master_key_names",
    "migrate",
    "migration_state",
    "open_vault",
    "prepare_master_key",
    "read_settings",
    "read_status",
    "reseal",
    "settings_of_process",
    "stop_on_signals",
    "with_database",
]
