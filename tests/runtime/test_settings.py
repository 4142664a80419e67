"""Settings: where each comes from, who wins, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from chuanliu.errors import Invalid
from chuanliu.runtime import read_settings

HOME = Path("/home/lin")


@pytest.mark.parametrize(
    ("environment", "is_root", "data"),
    [
        ({}, False, "/home/lin/.local/share/chuanliu"),
        ({"XDG_DATA_HOME": "/data"}, False, "/data/chuanliu"),
        ({"XDG_DATA_HOME": "relative"}, False, "/home/lin/.local/share/chuanliu"),
        ({}, True, "/var/lib/chuanliu/data"),
        ({"CHUANLIU_DATA": "/srv/pay"}, True, "/srv/pay"),
    ],
)
def test_the_data_folder(environment: dict[str, str], is_root: bool, data: str) -> None:
    settings = read_settings(environment, HOME, is_root)
    assert settings.data == Path(data)
    assert settings.master_key_file == Path(data) / "master.key"


def test_a_flag_wins_over_the_environment() -> None:
    environment = {"CHUANLIU_PORT": "9000", "CHUANLIU_WORKERS": "3", "CHUANLIU_SANDBOX": "yes"}
    settings = read_settings(environment, HOME, False, port=9001, workers=None, sandbox=False)
    assert (settings.port, settings.workers, settings.sandbox) == (9001, 3, False)


def test_a_child_reads_the_same_settings() -> None:
    settings = read_settings(
        {}, HOME, False, sandbox=True, database_url="postgresql:///x", public_url="https://pay.example/"
    )
    assert read_settings(settings.to_environment(), Path("/"), True) == settings


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("port", "0"),
        ("port", "65536"),
        ("port", "٨٠"),
        ("workers", "-1"),
        ("sandbox", "perhaps"),
        ("database_url", "mysql://localhost/x"),
        ("public_url", "pay.example"),
        ("log_level", "loud"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_settings({f"CHUANLIU_{name.upper()}": text}, HOME, False)
    assert refused.value.field == name


@pytest.mark.parametrize(
    ("flags", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"host": "0.0.0.0", "port": 80}, "http://127.0.0.1:80"),
        ({"host": "::1"}, "http://[::1]:8080"),
        ({"public_url": "https://pay.example/"}, "https://pay.example"),
    ],
)
def test_the_url(flags: dict[str, object], url: str) -> None:
    assert read_settings({}, HOME, False, **flags).url == url
