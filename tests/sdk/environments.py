"""One environment for each SDK, built on first use under `.cache/sdk/NAME-HASH` of the checkout and kept.

The hash covers the pinned requirements and the interpreter's version, so that a changed pin builds anew and an
unchanged one is instant. The SDKs cannot share an environment: two of them install the same top-level package.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
CACHE: Final = HERE.parents[1] / ".cache" / "sdk"
INSTALL_SECONDS_MAX: Final = 900
NODE_MAJOR_MIN: Final = 20


class Missing(Exception):
    """Something that an environment needs is not on this machine; the message names it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where an SDK is installed and how to run a script in it."""

    name: str
    folder: Path
    interpreter: Path

    def variables(self) -> Mapping[str, str]:
        """Process environment for a script: without this interpreter's own paths, which would leak into the other."""
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        # The official SDK is 200 MB of modules of which a script imports ten: byte code is not worth its disk.
        return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8", "SDK_FOLDER": str(self.folder)}


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def _run(argv: list[str], folder: Path) -> None:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()
        raise Missing(f"{Path(argv[0]).name} failed: " + " | ".join(lines[-3:]))


@contextmanager
def _building(folder: Path) -> Iterator[bool]:
    """Yield whether the folder is still to be built. A lock keeps two test runs from building the same one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    stamp = folder / ".complete"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists():
            yield False
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield True
        stamp.touch()


def python_environment(name: str) -> Environment:
    """A virtual environment with exactly `requirements/NAME.txt`. Raises `Missing` where it cannot be installed."""
    requirements = HERE / "requirements" / f"{name}.txt"
    folder = CACHE / f"{name}-{_digest(requirements.read_bytes(), sys.version.encode())}"
    interpreter = folder / "bin" / "python"
    with _building(folder) as needed:
        if needed:
            _run([sys.executable, "-m", "venv", str(folder)], CACHE)
            install = ["-m", "pip", "install", "--quiet", "--no-compile", "--require-hashes", "-r", str(requirements)]
            _run([str(interpreter), *install], folder)
    return Environment(name, folder, interpreter)


def node_environment(name: str = "alipay_sdk_node") -> Environment:
    """A folder with exactly `node/package-lock.json`. Raises `Missing` where node, npm or the package cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Missing("node and npm are not installed (Debian packages nodejs, npm)")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").split(".", 1)[0]) < NODE_MAJOR_MIN:
        raise Missing(f"node {version} is too old: the SDK needs {NODE_MAJOR_MIN} or later")
    manifest, lock = HERE / "node" / "package.json", HERE / "node" / "package-lock.json"
    folder = CACHE / f"{name}-{_digest(manifest.read_bytes(), lock.read_bytes(), version.encode())}"
    with _building(folder) as needed:
        if needed:
            shutil.copy(manifest, folder)
            shutil.copy(lock, folder)
            _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
    return Environment(name, folder, Path(node))
