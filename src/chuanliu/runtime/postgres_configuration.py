"""The configuration files of the embedded PostgreSQL, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

MEGABYTE: Final = 1024 * 1024

_FIXED: Final[Mapping[str, str]] = {
    # Durability: an answer means that the payment is on the disk.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # A write storm must not be cut by checkpoints; 15 minutes bound the recovery after a crash.
    "max_wal_size": "8GB",
    "min_wal_size": "512MB",
    "wal_buffers": "16MB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    # Batches lock in one global order, so a deadlock is a defect: find it at once.
    "deadlock_timeout": "50ms",
    "idle_in_transaction_session_timeout": "60s",
    # Statements are short and prepared; compiling them costs more than it gains.
    "jit": "off",
    "track_commit_timestamp": "off",
    "max_connections": "100",
    "random_page_cost": "1.1",
    # Balances are updated thousands of times a second: clean up early, in small steps, without long pauses.
    "autovacuum_naptime": "10s",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_vacuum_insert_scale_factor": "0.1",
    "autovacuum_analyze_scale_factor": "0.02",
    "autovacuum_vacuum_cost_delay": "1ms",
    "autovacuum_vacuum_cost_limit": "1000",
    # One file a weekday, overwritten after a week.
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_line_prefix": "%m [%p] %a ",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "cluster_name": "chuanliu",
}


def shared_buffers_mb(memory_bytes: int) -> int:
    """A quarter of the memory, between 128 MB and 2 GB; an eighth on machines of less than 4 GB."""
    share = 4 if memory_bytes >= 4096 * MEGABYTE else 8
    return max(128, min(2048, memory_bytes // share // MEGABYTE))


def server_configuration(
    memory_bytes: int,
    socket_folder: Path,
    log_folder: Path,
    tcp_port: int | None,
    has_lz4: bool,
    extra: Mapping[str, str],
) -> str:
    """Text of `postgresql.conf`. `extra` overrides single settings; `operator.conf` beside it overrides everything."""
    values = {
        **_FIXED,
        "shared_buffers": f"{shared_buffers_mb(memory_bytes)}MB",
        "wal_compression": "lz4" if has_lz4 else "off",
        "listen_addresses": "" if tcp_port is None else "127.0.0.1",
        "port": str(tcp_port or DEFAULT_PORT),
        "unix_socket_directories": str(socket_folder),
        "unix_socket_permissions": "0700",
        "log_directory": str(log_folder),
        **extra,
    }
    lines = [f"{name} = {quoted(value)}" for name, value in sorted(values.items())]
    head = "# Written anew at every start. Put your own settings into operator.conf in this folder."
    return "\n".join([head, *lines, "include_if_exists = 'operator.conf'", ""])


def access_rules(tcp: bool) -> str:
    """Text of `pg_hba.conf`: the socket for the operating-system users of the map, loopback for a password."""
    rules = ["local all chuanliu peer map=chuanliu"]
    if tcp:
        rules.append("host all chuanliu 127.0.0.1/32 scram-sha-256")
    return "\n".join([*rules, ""])


def user_map(system_users: Sequence[str]) -> str:
    """Text of `pg_ident.conf`: which operating-system users may be the database's owner."""
    return "".join(f'chuanliu "{name}" chuanliu\n' for name in system_users)


def quoted(value: str) -> str:
    """A value of `postgresql.conf` in single quotes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


DEFAULT_PORT: Final = 5432
"""Without TCP the port is only a part of the socket's file name."""
