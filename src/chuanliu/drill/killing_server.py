"""Killing one process of a running platform, by SIGKILL."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Final

import msgspec
import psutil
import psycopg

from chuanliu.bench import PlatformProcess
from chuanliu.drill.stock_store import end_a_backend
from chuanliu.drill.victims import Victim, processes_of

_SEARCH_SECONDS: Final = 30.0
"""A victim that was killed a moment ago may not be up again yet."""


class Kill(msgspec.Struct, frozen=True):
    """Who was killed, and when in monotonic seconds."""

    victim: Victim
    pid: int
    at: float


class Killer:
    """Kills processes of one platform. `own_server` says that its PostgreSQL runs under its supervisor."""

    def __init__(self, platform: PlatformProcess, database_url: str, draw: random.Random, *, own_server: bool) -> None:
        self._platform = platform
        self._database_url = database_url
        self._draw = draw
        self._own_server = own_server

    def kill(self, victim: Victim) -> Kill | None:
        """Kill one such process; None when there was none to be found for half a minute.

        A killed supervisor is started again on the same data before this returns.
        """
        if victim == "supervisor":
            return self._kill_supervisor()
        deadline = time.monotonic() + _SEARCH_SECONDS
        while time.monotonic() < deadline:
            pid = self._kill_one(victim)
            if pid is not None:
                return Kill(victim, pid, time.monotonic())
            time.sleep(0.02)
        return None

    def _kill_supervisor(self) -> Kill | None:
        pid = self._platform.pid
        self._platform.kill()
        killed_at = time.monotonic()
        self._platform.start()
        return Kill("supervisor", pid, killed_at) if pid is not None else None

    def _kill_one(self, victim: Victim) -> int | None:
        if victim == "backend" and not self._own_server:
            return self._end_a_session()
        pids = self._pids(victim)
        if not pids:
            return None
        pid = self._draw.choice(pids)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return None
        return pid

    def _pids(self, victim: Victim) -> list[int]:
        roles = self._platform.roles()
        if victim in roles:
            return [pid for pid in roles[victim] if _is_alive(pid)]
        postmasters = [pid for pid in roles.get("postgres", []) if _is_alive(pid)]
        if victim == "postmaster":
            return postmasters
        return processes_of(victim, [title for pid in postmasters for title in _titles_below(pid)])

    def _end_a_session(self) -> int | None:
        try:
            return 0 if end_a_backend(self._database_url) else None
        except psycopg.Error:
            return None


def _is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _titles_below(pid: int) -> list[tuple[int, str]]:
    found = []
    try:
        for child in psutil.Process(pid).children():
            found.append((child.pid, (child.cmdline() or [""])[0]))
    except psutil.Error:
        return found
    return found
