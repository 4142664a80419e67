"""The supervisor: starts the processes of one machine, restarts what ends, and stops all in order."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

import psutil

from chuanliu.runtime.child_server import ChildSpec, end_processes, last_line, spawn
from chuanliu.runtime.data_folder_store import lock_folder, read_status, write_status
from chuanliu.runtime.start_errors import CannotStart

_TICK_SECONDS: Final = 0.05
_BACKOFF_SECONDS_MIN: Final = 0.1
_BACKOFF_SECONDS_MAX: Final = 10.0
_STABLE_SECONDS: Final = 30.0
"""After this long in the ready state the next end counts as the first again."""
_LOG_BYTES_MAX: Final = 16 * 1024 * 1024
_LOG_CHECK_SECONDS: Final = 30.0


@dataclass
class _Child:
    spec: ChildSpec
    log: Path
    process: subprocess.Popen[bytes] | None = None
    state: str = "waiting"
    since: float = 0.0
    due: float = 0.0
    backoff_seconds: float = _BACKOFF_SECONDS_MIN
    starts: int = 0
    last_exit: str | None = None
    is_kept: bool = True

    def facts(self) -> dict[str, Any]:
        pid = self.process.pid if self.process is not None else None
        return {
            "name": self.spec.name,
            "pid": pid,
            "created": _created(pid),
            "state": self.state,
            "restarts": max(0, self.starts - 1),
            "last_exit": self.last_exit,
            "log": str(self.log),
        }


@dataclass
class Supervisor:
    """Owns the processes of one data folder. Use it as a context and from the main thread only.

    Each `start` adds a group and returns when the whole group is ready; groups stop in the reverse order. `facts`
    (ports, URLs without secrets) stand in the status file beside the pids. `report` gets one line for what an operator
    should see; `on_stopping` is called before the ordered stop. Raises `CannotStart` when another supervisor runs on
    the folder.
    """

    folder: Path
    report: Callable[[str], None] = lambda _line: None
    facts: Mapping[str, Any] = field(default_factory=dict)
    on_stopping: Callable[[], None] = lambda: None
    _groups: list[list[_Child]] = field(default_factory=list)
    _guests: list[_Child] = field(default_factory=list)
    _state: str = "starting"
    _stop_requests: int = 0
    _lock: int | None = None
    _old_handlers: dict[int, Any] = field(default_factory=dict)
    _logs_checked: float = 0.0

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.folder / "log").mkdir(exist_ok=True, mode=0o700)
        self._lock = lock_folder(self.folder, "supervisor.lock")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._old_handlers[number] = signal.signal(number, self._on_signal)
        end_previous_run(self.folder)
        self._write_status()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            for number, handler in self._old_handlers.items():
                signal.signal(number, handler)
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    @property
    def stop_requested(self) -> bool:
        """Whether SIGINT, SIGTERM or SIGHUP has come."""
        return self._stop_requests > 0

    def request_stop(self) -> None:
        """What a signal does: `run` returns after the ordered stop."""
        self._stop_requests += 1

    def start(self, *specs: ChildSpec) -> bool:
        """Start a group and wait until all of it is ready. False when a stop was asked for meanwhile.

        What ends before it is ready is started again with back-off. Raises `CannotStart` with the last line of its log
        when a child is not ready within its `ready_seconds`, all tries together.
        """
        group = [_Child(spec, self.folder / "log" / f"{spec.name}.log") for spec in specs]
        self._groups.append(group)
        began = time.monotonic()
        while not self.stop_requested:
            self._tick()
            if all(child.state == "ready" for child in group):
                return True
            for child in group:
                if child.state != "ready" and time.monotonic() - began > child.spec.ready_seconds:
                    raise CannotStart(f"{child.spec.name} does not become ready: {last_line(child.log)}")
            time.sleep(_TICK_SECONDS)
        return False

    def run(self, on_tick: Callable[[], None] = lambda: None) -> None:
        """Watch and restart until a stop is asked for, then stop all in order. `on_tick` runs 20 times a second."""
        self._state = "running"
        self._write_status()
        while not self.stop_requested:
            self._tick()
            on_tick()
            time.sleep(_TICK_SECONDS)
        self.stop()

    def stop(self) -> None:
        """Stop the groups in reverse order, each gracefully within its grace; two more signals kill at once."""
        requests = self._stop_requests
        self.on_stopping()
        self._state = "stopping"
        self._write_status()
        self._stop_group(self._guests, requests)
        self._guests.clear()
        while self._groups:
            self._stop_group(self._groups[-1], requests)
            self._groups.pop()
        self._state = "stopped"
        self._write_status()

    def add(self, spec: ChildSpec) -> None:
        """Start one more child while all runs. It is not started again when it ends, and stops before the groups."""
        self._guests.append(_Child(spec, self.folder / "log" / f"{spec.name}.log", is_kept=False))

    def release(self, name: str) -> None:
        """Ask a child that was added to end gracefully, for as long as it takes."""
        self._signal_guest(name, lambda child: child.spec.stop_signal, "leaving")

    def kill(self, name: str) -> None:
        """End a child that was added at once."""
        self._signal_guest(name, lambda _: signal.SIGKILL, "killed")

    def state_of(self, name: str) -> str | None:
        """What a child does: waiting, starting, ready, leaving, killed; None for one that is not there (any more)."""
        return next((child.state for child in self._children() if child.spec.name == name), None)

    def write_facts(self) -> None:
        """Write the status file anew, because `facts` have changed."""
        self._write_status()

    def pid_of(self, name: str) -> int | None:
        """The process id of a running child."""
        for child in self._children():
            if child.spec.name == name and child.process is not None:
                return child.process.pid
        return None

    def _children(self) -> list[_Child]:
        return [*(child for group in self._groups for child in group), *self._guests]

    def _signal_guest(self, name: str, number: Callable[[_Child], int], state: str) -> None:
        for child in self._guests:
            if child.spec.name == name:
                child.state = state
                if child.process is not None:
                    child.process.send_signal(number(child))

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_requests += 1

    def _tick(self) -> None:
        now = time.monotonic()
        changed = [self._advance(child, now) for child in self._children()]
        there = [child for child in self._guests if child.state != "gone"]
        changed.append(len(there) < len(self._guests))
        self._guests[:] = there
        if any(changed):
            self._write_status()
        if now - self._logs_checked > _LOG_CHECK_SECONDS:
            self._logs_checked = now
            for child in self._children():
                _bound_log(child.log)

    def _advance(self, child: _Child, now: float) -> bool:
        """Move one child on by at most one state; tells whether its state changed."""
        if child.process is None:
            if not child.is_kept and child.state != "waiting":
                child.state = "gone"  # it was asked to leave before it began
                return True
            if now < child.due:
                return False
            _bound_log(child.log)
            child.spec.prepare()
            child.process = spawn(child.spec, child.log)
            child.state, child.since = "starting", now
            child.starts += 1
            return True
        code = child.process.poll()
        if code is not None:
            self._note_end(child, code, now)
            return True
        if child.state == "starting":
            if child.spec.ready():
                child.state, child.since = "ready", now
                if child.starts > 1:
                    self.report(f"{child.spec.name} is up again")
                return True
            if now - child.since > child.spec.ready_seconds:
                child.process.kill()
        elif child.backoff_seconds > _BACKOFF_SECONDS_MIN and now - child.since > _STABLE_SECONDS:
            child.backoff_seconds = _BACKOFF_SECONDS_MIN
        return False

    def _note_end(self, child: _Child, code: int, now: float) -> None:
        child.process = None
        was, child.state = child.state, "waiting" if child.is_kept else "gone"
        child.last_exit = f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"
        if not child.is_kept:
            if was not in {"leaving", "killed"}:
                self.report(f"{child.spec.name} ended ({child.last_exit})")
            return
        child.due = now + child.backoff_seconds
        self.report(f"{child.spec.name} ended ({child.last_exit}); starting it again in {child.backoff_seconds:.1f} s")
        child.backoff_seconds = min(2 * child.backoff_seconds, _BACKOFF_SECONDS_MAX)

    def _stop_group(self, group: list[_Child], requests: int) -> None:
        running = [child for child in group if child.process is not None and child.process.poll() is None]
        for child in running:
            if child.process is not None:
                child.process.send_signal(child.spec.stop_signal)
            child.state = "stopping"
        deadline = time.monotonic() + max((child.spec.grace_seconds for child in group), default=0.0)
        while any(child.process is not None and child.process.poll() is None for child in group):
            if time.monotonic() > deadline or self._stop_requests > requests + 1:
                for child in running:
                    if child.process is not None:
                        child.process.kill()
            time.sleep(_TICK_SECONDS)
        for child in group:
            child.process, child.state = None, "stopped"

    def _write_status(self) -> None:
        children = [child.facts() for child in self._children()]
        status = {"supervisor_pid": os.getpid(), "state": self._state, "children": children}
        write_status(self.folder, {**status, **self.facts})


def end_previous_run(folder: Path) -> None:
    """End what a killed supervisor left running. A pid counts only with the start time that was noted with it."""
    status = read_status(folder) or {}
    remains = []
    for child in status.get("children", []):
        pid = child.get("pid")
        if pid is not None and child.get("created") is not None and _created(pid) == child["created"]:
            remains.append(psutil.Process(pid))
    end_processes(remains, signal.SIGTERM, 15.0)


def _created(pid: int | None) -> float | None:
    try:
        return float(psutil.Process(pid).create_time()) if pid is not None else None
    except psutil.Error:
        return None


def _bound_log(log: Path) -> None:
    """Keep one older log. The child appends to the same open file, so it is copied and emptied."""
    if log.exists() and log.stat().st_size > _LOG_BYTES_MAX:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)
