"""The master key file: made once, kept private, and never replaced."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chuanliu.parties import SEALING_RANDOMNESS, Vault
from chuanliu.runtime import CannotStart, create_vault, open_vault


def seal(vault: Vault) -> bytes:
    return vault.seal(b"secret", "table/1/column", secrets.token_bytes(SEALING_RANDOMNESS))


def test_all_who_make_it_at_once_share_one_key(tmp_path: Path) -> None:
    file = tmp_path / "data" / "master.key"
    assert open_vault(file) is None
    with ThreadPoolExecutor(8) as pool:
        vaults = list(pool.map(lambda _: create_vault(file), range(16)))
    sealed = [seal(vault) for vault in vaults]
    assert all(vault.open(each, "table/1/column") == b"secret" for vault in vaults for each in sealed)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["master.key"]


def test_older_keys_still_open(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    before = seal(create_vault(file))
    content = json.loads(file.read_text())
    new = json.loads((create_vault(tmp_path / "another"), (tmp_path / "another").read_text())[1])
    file.write_text(json.dumps({"current": new["current"], "keys": {**content["keys"], **new["keys"]}}))
    rotated = open_vault(file)
    assert rotated is not None
    assert rotated.can_open(before) and rotated.open(before, "table/1/column") == b"secret"
    other = create_vault(tmp_path / "third")
    assert not other.can_open(before)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "x",
        '{"current":"a","keys":{}}',
        '{"current":"a","keys":{"a":"AAAA"}}',
        '{"current":"a","keys":{"a":"!"}}',
    ],
)
def test_a_damaged_file_is_said_to_be(tmp_path: Path, text: str) -> None:
    file = tmp_path / "master.key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(CannotStart, match="damaged"):
        create_vault(file)
    assert file.read_text() == text


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    create_vault(file)
    file.chmod(0o640)
    with pytest.raises(CannotStart, match="chmod 600"):
        open_vault(file)
