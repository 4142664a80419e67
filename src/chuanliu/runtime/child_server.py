"""Starting child processes so that they cannot outlive their parent, and finding those that did."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

_PR_SET_PDEATHSIG: Final = 1
_libc: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


def always_ready() -> bool:
    """The ready check of a child that needs none."""
    return True


def nothing_to_prepare() -> None:
    """The preparation of a child that needs none."""


@dataclass(frozen=True)
class ChildSpec:
    """How to start, watch and stop one child process.

    `user` is a numeric (uid, gid) to run as, which only root may set. `prepare` runs before every start, also after a
    crash; `ready` is polled until it is true and must not block for long. `stop_signal` asks for a graceful end, for
    which the child has `grace_seconds` before it is killed. `ready_seconds` bounds one start. `orphan_signal` is what
    it gets when its parent was killed; None for the `stop_signal`. It inherits the open files `descriptors`.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")
    user: tuple[int, int] | None = None
    prepare: Callable[[], None] = nothing_to_prepare
    ready: Callable[[], bool] = always_ready
    stop_signal: int = signal.SIGTERM
    orphan_signal: int | None = None
    grace_seconds: float = 30.0
    ready_seconds: float = 60.0
    descriptors: tuple[int, ...] = ()


def spawn(spec: ChildSpec, log: Path) -> subprocess.Popen[bytes]:
    """Start the child, its output appended to `log`. `prepare` is the caller's to run.

    On Linux the kernel sends the child its `orphan_signal` when the thread that called this ends, even by `kill -9`: so
    call it from the main thread. The child leads a process group, so that a terminal's Ctrl-C reaches only its parent.
    """
    parent = os.getpid()
    orphan_signal = spec.stop_signal if spec.orphan_signal is None else spec.orphan_signal

    def bind_to_parent() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    uid, gid = spec.user if spec.user is not None else (None, None)
    with log.open("ab") as output:
        # preexec_fn runs after the change of user, which would otherwise clear the parent-death signal.
        return subprocess.Popen(  # noqa: S603
            list(spec.argv),
            env={**os.environ, **spec.env},
            cwd=spec.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=uid,
            group=gid,
            extra_groups=None if spec.user is None else [],
            umask=0o077,
            pass_fds=spec.descriptors,
            preexec_fn=bind_to_parent,  # noqa: PLW1509
            process_group=0,
        )


def processes_working_in(folder: Path, executable: str) -> list[psutil.Process]:
    """Processes whose working folder is `folder` and whose program is called `executable`: a cluster's backends."""
    found = []
    target = str(folder.resolve())
    for process in psutil.process_iter():
        try:
            if process.cwd() == target and Path(process.exe()).name.split(" ")[0] == executable:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def end_processes(processes: Iterable[psutil.Process], first_signal: int, grace_seconds: float) -> None:
    """Send `first_signal`, wait, and kill what is left. Returns when all are gone, or after 10 s of being killed."""
    asked = list(processes)
    for process in asked:
        _signal(process, first_signal)
    _, alive = psutil.wait_procs(asked, timeout=grace_seconds)
    for process in alive:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=10)


def wait_until(check: Callable[[], bool], seconds: float, *, every_seconds: float = 0.05) -> bool:
    """Poll `check` until it is true; false when `seconds` have passed first."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every_seconds)
    return True


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def last_line(log: Path) -> str:
    """The last line of a child's log, or a hint where there is none."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else f"nothing in {log}"
