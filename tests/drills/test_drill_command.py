"""`chuanliu drill`: what cannot be meant is refused before anything is started."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from chuanliu.cli.entry import app


@pytest.mark.parametrize(
    "arguments",
    [
        ["--kills", "0"],
        ["--workers", "0"],
        ["--seconds-between", "soon"],
        ["--seconds-between", "4..1"],
        ["--seconds-between", "-1..1"],
    ],
)
def test_nonsense_is_refused(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["drill", *arguments]).exit_code == 2
