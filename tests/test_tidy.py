"""The house style that a program can check. `make check` runs this file by itself."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
SOURCE: Final = sorted((ROOT / "src").rglob("*.py"))
PYTHON: Final = [*SOURCE, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "examples").rglob("*.py"))]

FILE_LINES_MAX: Final = 500
FUNCTION_LINES_MAX: Final = 70

ROLE_NAMES: Final = {"service", "services", "util", "utils", "manager", "helper", "helpers", "common", "core", "misc"}

IO_PACKAGES: Final = {"engine", "serving", "drill", "bench", "cli", "sandbox"}
"""The only writer of the database, the HTTP server, and the tools around the platform."""
IO_NAME: Final = re.compile(r"(^|_)(store|client|server|simulator|routes)$")
IO_MODULES: Final = {
    "asyncio", "http.client", "httpx", "multiprocessing", "psycopg", "random", "secrets", "selectors", "socket",
    "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib.request", "uvloop",
}  # fmt: skip
IO_CALLS: Final = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "os.environ", "os.getenv", "os.urandom",
}  # fmt: skip

PATCHING: Final = re.compile(
    r"unittest\.mock|from unittest import mock|monkeypatch\.(setattr|setitem)|freezegun|mocker\b"
)
UNFINISHED: Final = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b")
FOREIGN: Final = re.compile(r"pythonhosted\.org|pypi\.org|registry\.npm" + r"js|(?<![\w.])/(root|farm|work)/")


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def lines_of(found: list[str]) -> str:
    return "\n".join(["", *found])


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(module: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import outside `if TYPE_CHECKING`."""
    skipped = {
        child
        for node in ast.walk(module)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(module):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.lineno, node.module


def is_pure(path: Path) -> bool:
    inside = path.relative_to(ROOT / "src" / "chuanliu").with_suffix("")
    return inside.parts[0] not in IO_PACKAGES and not any(IO_NAME.search(part) for part in inside.parts)


def test_files_and_functions_are_short() -> None:
    found = []
    for path in PYTHON:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > FILE_LINES_MAX:
            found.append(f"{short(path)}: {lines} lines")
        for function in functions(tree(path)):
            length = (function.end_lineno or function.lineno) - function.lineno + 1
            if length > FUNCTION_LINES_MAX:
                found.append(f"{short(path)}:{function.lineno} {function.name}: {length} lines")
    assert not found, lines_of(found)


def test_files_are_named_after_the_domain() -> None:
    found = []
    for path in SOURCE:
        words = {word for part in path.relative_to(ROOT / "src").with_suffix("").parts for word in part.split("_")}
        if words & ROLE_NAMES:
            found.append(short(path))
    assert not found, lines_of(found)


def test_what_is_public_has_a_docstring() -> None:
    found = []
    for path in SOURCE:
        module = tree(path)
        if not ast.get_docstring(module) and module.body:
            found.append(short(path))
        for node in module.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith(
                "_"
            ):
                if not ast.get_docstring(node):
                    found.append(f"{short(path)}:{node.lineno} {node.name}")
                found += [f"{short(path)}:{m.lineno} {node.name}.{m.name}" for m in undocumented_methods(node)]
    assert not found, lines_of(found)


def undocumented_methods(node: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    if not isinstance(node, ast.ClassDef):
        return []
    methods = [child for child in node.body if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)]
    # What overrides or implements a method of a base class is documented there.
    inherits = bool(node.bases) and not all(
        ast.unparse(base).startswith(("Protocol", "Generic")) for base in node.bases
    )
    return [] if inherits else [m for m in methods if not m.name.startswith("_") and not ast.get_docstring(m)]


def test_pure_files_do_no_io() -> None:
    found = []
    for path in filter(is_pure, SOURCE):
        module = tree(path)
        for line, name in imported(module):
            if any(name == banned or name.startswith(banned + ".") for banned in IO_MODULES):
                found.append(f"{short(path)}:{line} imports {name}")
        for node in ast.walk(module):
            if isinstance(node, ast.AsyncFunctionDef):
                found.append(f"{short(path)}:{node.lineno} async {node.name}")
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "open":
                found.append(f"{short(path)}:{node.lineno} open()")
            elif isinstance(node, ast.Attribute) and ast.unparse(node) in IO_CALLS:
                found.append(f"{short(path)}:{node.lineno} {ast.unparse(node)}")
    assert not found, lines_of(found)


def test_packages_are_used_by_their_front_doors() -> None:
    found = []
    for path in SOURCE:
        own = path.relative_to(ROOT / "src").parts[1]
        for line, name in imported(tree(path)):
            parts = name.split(".")
            if parts[0] != "chuanliu" or len(parts) < 3 or parts[1] == own:
                continue
            if (ROOT / "src" / Path(*parts)).with_suffix(".py").exists():
                found.append(f"{short(path)}:{line} reaches into {name}")
    assert not found, lines_of(found)


def test_nothing_is_left_unfinished() -> None:
    found = [
        f"{short(path)}:{number} {line.strip()}"
        for path in PYTHON
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert not found, lines_of(found)


def test_tests_patch_nothing() -> None:
    tests = [path for path in PYTHON if path.is_relative_to(ROOT / "tests") and path != Path(__file__)]
    assert [short(path) for path in tests if PATCHING.search(path.read_text(encoding="utf-8"))] == []


def test_no_file_names_a_registry_or_a_private_path() -> None:
    kinds = {".py", ".md", ".toml", ".lock", ".json", ".txt", ".yml", ".yaml", ".mjs", ".js", ".sh", ".in", ""}
    # In a second working tree `.git` is a file that names the first.
    top = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    folders = [ROOT / name for name in ("src", "tests", "docs", "examples", ".ci")]
    files = [*top, *(path for folder in folders for path in folder.rglob("*") if path.is_file())]
    found = [
        short(path)
        for path in files
        if path.suffix in kinds
        and not {"__pycache__", "node_modules", ".cache", ".ruff_cache"} & set(path.parts)
        and FOREIGN.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found, lines_of(found)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-development.lock"])
def test_every_locked_package_has_hashes(name: str) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text(encoding="utf-8"))
    assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_layer_contract_is_the_folder_list_of_the_architecture_page() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ][0]
    layers = [re.split(r"\s*[|:]\s*", layer) for layer in contract["layers"]]
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    tree_block = page.split("src/chuanliu/\n", 1)[1].split("```", 1)[0]
    listed = re.findall(r"^  ((?:\w+/ ?)+)", tree_block, flags=re.MULTILINE)
    names = [name for line in listed for name in line.replace("/", "").split()]
    flat = [name.strip("()") for layer in layers for name in layer]
    values = {"money", "clock", "ids", "errors"}
    assert [n for n in flat if n not in values] == [n for n in names if n not in values]
    assert set(flat) == set(names)
