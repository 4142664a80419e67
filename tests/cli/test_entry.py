"""Every command and sub-command has a text of help, and refuses an option that it does not know."""

from __future__ import annotations

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from chuanliu.cli.entry import COMMANDS, app


def paths() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    group = get_command(app)
    for name in COMMANDS:
        command = group.get_command(None, name)
        found.append((name,))
        found += [(name, inner) for inner in getattr(command, "commands", {})]
    return found


@pytest.mark.parametrize("path", paths(), ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0, result.output
    assert " ".join(path) in result.output
    unknown = CliRunner().invoke(app, [*path, "--no-such-option"])
    assert unknown.exit_code == 2
