"""A real PostgreSQL for the tests: one server a session, one fresh migrated database a test module."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from chuanliu.runtime import EmbeddedPostgres, migrate, with_database

# How long an example takes says more of the machine than of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_ONE_PORT = ("tests/sdk/", "tests/sandbox/test_demo.py", "tests/cli/test_up.py")
_ID_LONGEST = 80


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Workers side by side take whole modules; what needs the one port of the official Python SDK shares a worker.

    A wrapper, for pytest-xdist reads the groups before any plain hook is called.
    """
    for item in items:
        group = "the one port" if item.nodeid.startswith(_ONE_PORT) else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Figures that tests have recorded as `printed`: also those of workers, whose output nobody sees."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, text in getattr(report, "user_properties", ()):
                if name == "printed" and getattr(report, "when", "") == "call":
                    terminalreporter.write_line(str(text))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Keys and documents are called by their parameter: their text is long, and made anew by each worker."""
    return argname if isinstance(val, (str, bytes)) and len(val) > _ID_LONGEST else None


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder that the unprivileged user of PostgreSQL can reach, also when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="chuanliu-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def free_port() -> int:
    """A loopback port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_url(scratch: Path) -> Iterator[str]:
    """Administrator's URL of a server: `CHUANLIU_TEST_DATABASE_URL`, or our own, started for the session."""
    given = os.environ.get("CHUANLIU_TEST_DATABASE_URL")
    if given:
        yield given
        return
    extra = {"shared_buffers": "256MB", "max_wal_size": "2GB", "min_wal_size": "128MB"}
    with EmbeddedPostgres(scratch / "server", extra=extra) as server:
        yield server.url("postgres")


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> Iterator[str]:
    """Name of a migrated, empty database that the others are copied from."""
    name = f"chuanliu_template_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        migrate(with_database(postgres_url, name))
        yield name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def database_url(postgres_url: str, template_database: str) -> Iterator[str]:
    """URL of a migrated database of this module's own."""
    name = f"chuanliu_test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database}")
        yield with_database(postgres_url, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
