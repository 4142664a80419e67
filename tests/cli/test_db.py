"""`chuanliu db`, as a real process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from chuanliu.runtime import with_database


def chuanliu(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from chuanliu.cli import main; main()"
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)


def test_migrate_status_and_backup(database_url: str, tmp_path: Path) -> None:
    url = ["--database-url", database_url]
    migrated = chuanliu("db", "migrate", *url, "--json")
    assert (migrated.returncode, migrated.stderr) == (0, "")
    assert json.loads(migrated.stdout)["pending"] == []
    assert chuanliu("db", "status", *url).stdout.startswith("applied  0001")
    backup = chuanliu("db", "backup", str(tmp_path / "dump"), *url, "--json")
    assert json.loads(backup.stdout)["bytes"] == (tmp_path / "dump").stat().st_size


def test_what_the_user_can_mend_is_one_line(postgres_url: str, tmp_path: Path) -> None:
    nowhere = with_database(postgres_url, "chuanliu_nowhere")
    for arguments, message in [
        (["db", "status", "--database-url", nowhere], 'database "chuanliu_nowhere" does not exist'),
        (["db", "status", "--database-url", "mysql://x"], "must begin with postgresql://"),
        (["db", "backup", str(tmp_path), "--database-url", nowhere], "exists already"),
    ]:
        done = chuanliu(*arguments)
        assert done.returncode == 1, done
        assert done.stderr.startswith("chuanliu: ") and done.stderr.count("\n") == 1, done.stderr
        assert message in done.stderr


def test_version() -> None:
    assert chuanliu("--version").stdout.startswith("chuanliu 0.")
