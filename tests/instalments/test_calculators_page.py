"""The examples of docs/calculators.md run as printed."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "calculators.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```console\n\$ echo '(.+)' \| chuanliu calc (\w+)\n(.+)\n```$", PAGE, flags=re.MULTILINE)


def test_every_example_is_found() -> None:
    assert len(EXAMPLES) == PAGE.count("```console") == PAGE.count("$ echo")
    assert {command for _, command, _ in EXAMPLES} == {"apr", "schedule"}


@pytest.mark.parametrize("command", ["apr", "schedule"])
def test_examples_of_the_command_line(command: str) -> None:
    examples = [(line, answer) for line, name, answer in EXAMPLES if name == command]
    done = subprocess.run(
        [sys.executable, "-c", "from chuanliu.cli import main; main()", "calc", command],
        input="".join(f"{line}\n" for line, _ in examples),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    # On the page each example is a line 1 of its own.
    answers = [re.sub(r'"line":[0-9]+', '"line":1', line) for line in done.stdout.splitlines()]
    assert answers == [answer for _, answer in examples]
    assert (done.returncode, done.stderr) == (int('"error"' in done.stdout), "")


def test_the_example_for_programs() -> None:
    code = re.findall(r"^```python\n(.+?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(code) == 1
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(code[0], {})
    assert printed.getvalue().strip() == code[0].rsplit("# ", 1)[1].strip()
