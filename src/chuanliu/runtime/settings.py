"""Settings of one installation: from the environment, overridden by flags, read once and handed down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from chuanliu.connectors import read_smtp_url
from chuanliu.errors import Invalid

PREFIX: Final = "CHUANLIU_"
BOARD_FILE: Final = "units.board"
"""In the data folder: what the gateways of this machine tell each other."""
DOOR_VARIABLE: Final = "CHUANLIU_DOOR"
"""The ticket of the door that a gateway shares with others; without one it listens on the port of its settings."""


@dataclass(frozen=True)
class Settings:
    """Every field can be set by the environment variable `CHUANLIU_` + its name in capitals.

    `database_url` None means the embedded PostgreSQL in `data`. `lanes` counts writing lanes of one gateway process.
    `workers` counts gateway processes. `sandbox` opens what never may be open with real money: consumers made from
    nothing, deliveries to loopback addresses. `master_key_file` holds the key that encrypts secrets at rest.
    `public_url` is what merchants and consumers see, where a proxy stands before the gateway. The simulated banks of a
    sandbox listen on ports from `banks_port` on. `linger_s` is how long a gateway that stops still answers on idle
    connections: as long as a load balancer may go on sending to it.

    `units_max` above `workers` lets gateway processes come and go by the plan of the file `calendar`, by hand and by
    load, `unit_rate` being the requests a second that one serves; 0 for none.

    `smtp_url` is where e-mail to consumers goes, `smtp://user:password@host:port?from=address` or `smtps://…`; without
    it none is sent.
    """

    data: Path
    master_key_file: Path
    database_url: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 2
    lanes: int = 1
    queue_max: int = 8192
    sandbox: bool = False
    public_url: str | None = None
    banks_port: int = 9600
    log_level: str = "info"
    linger_s: int = 0
    units_max: int = 0
    unit_rate: int = 100
    calendar: Path | None = None
    smtp_url: str | None = None

    @property
    def url(self) -> str:
        """Where the gateway is reached, without a slash at the end."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def to_environment(self) -> dict[str, str]:
        """The variables from which a child process reads the same settings."""
        values = {PREFIX + field.name.upper(): getattr(self, field.name) for field in fields(self)}
        return {name: _text(value) for name, value in values.items() if value is not None}


def read_settings(environment: Mapping[str, str], home: Path, is_root: bool, **flags: object) -> Settings:
    """Settings from `CHUANLIU_…` variables; a flag that is not None wins.

    `home` is the user's home folder. The data folder is by default `chuanliu` in `$XDG_DATA_HOME` or
    `~/.local/share`, and `/var/lib/chuanliu/data` for root, whose home PostgreSQL's user cannot enter. Raises
    `Invalid(invalid_parameter)` naming the setting.
    """
    given: dict[str, Any] = {}
    for field in fields(Settings):
        flag = flags.get(field.name)
        text = str(flag) if flag is not None else environment.get(PREFIX + field.name.upper())
        if text is not None and (text or field.name == "host"):
            given[field.name] = _READERS[field.name](field.name, text)
    data = given.pop("data", None) or default_data_folder(environment, home, is_root)
    settings = Settings(data=data, master_key_file=given.pop("master_key_file", data / "master.key"))
    return replace(settings, **given)


def default_data_folder(environment: Mapping[str, str], home: Path, is_root: bool) -> Path:
    """Where data goes when nobody says otherwise."""
    if is_root:
        return Path("/var/lib/chuanliu/data")
    share = environment.get("XDG_DATA_HOME", "")
    return (Path(share) if share.startswith("/") else home / ".local" / "share") / "chuanliu"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _path(_name: str, text: str) -> Path:
    return Path(text).expanduser().absolute()


def _plain(_name: str, text: str) -> str:
    return text


def _truth(name: str, text: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    try:
        return known[text.strip().lower()]
    except KeyError:
        raise Invalid("invalid_parameter", f"{name} must be true or false", field=name) from None


def _number(low: int, high: int) -> Callable[[str, str], int]:
    def read(name: str, text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise Invalid("invalid_parameter", f"{name} must be a number from {low} to {high}", field=name)
        return int(text)

    return read


def _database_url(name: str, text: str) -> str:
    if not text.startswith(("postgresql://", "postgres://")):
        raise Invalid("invalid_parameter", f"{name} must begin with postgresql://", field=name)
    return text


def _web_url(name: str, text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise Invalid("invalid_parameter", f"{name} must begin with http:// or https://", field=name)
    return text


def _smtp_url(_name: str, text: str) -> str:
    read_smtp_url(text)
    return text


def _level(name: str, text: str) -> str:
    if text.lower() not in {"debug", "info", "warning", "error"}:
        raise Invalid("invalid_parameter", f"{name} must be debug, info, warning or error", field=name)
    return text.lower()


_READERS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "data": _path,
    "master_key_file": _path,
    "database_url": _database_url,
    "host": _plain,
    "port": _number(1, 65535),
    "workers": _number(1, 64),
    "lanes": _number(1, 4),
    "queue_max": _number(16, 1_000_000),
    "sandbox": _truth,
    "public_url": _web_url,
    "banks_port": _number(1, 65_000),
    "log_level": _level,
    "linger_s": _number(0, 20),
    "units_max": _number(0, 64),
    "unit_rate": _number(1, 1_000_000),
    "calendar": _path,
    "smtp_url": _smtp_url,
}
