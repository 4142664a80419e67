"""Pay passwords: six digits, hashed with the salt that is given."""

from __future__ import annotations

import pytest

from chuanliu.errors import Invalid
from chuanliu.parties import hash_pay_password, require_pay_password, verify_pay_password

SALT = bytes(range(16))


def test_only_the_right_password_matches() -> None:
    hashed = hash_pay_password("012345", SALT)
    assert hashed == hash_pay_password("012345", SALT) != hash_pay_password("012345", SALT[::-1])
    assert "012345" not in hashed and hashed.startswith("$argon2id$")
    assert verify_pay_password("012345", hashed)
    assert not verify_pay_password("012346", hashed)
    assert not verify_pay_password("", hashed)
    assert not verify_pay_password("\udcff", hashed)


@pytest.mark.parametrize("hashed", ["", "plain", "$argon2id$", "$argon2id$v=19$m=1,t=1,p=1$AAAA$AAAA"])
def test_what_is_no_hash_is_no_ones_password(hashed: str) -> None:
    assert not verify_pay_password("000000", hashed)


@pytest.mark.parametrize("text", ["", "12345", "1234567", "12345a", "１２３４５６", "12 345", "-12345"])
def test_a_pay_password_is_six_digits(text: str) -> None:
    with pytest.raises(Invalid, match="six digits"):
        require_pay_password(text)
