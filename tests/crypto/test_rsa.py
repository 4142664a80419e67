"""Keys in every form that merchants paste, and signatures over them."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from chuanliu import crypto
from chuanliu.errors import Invalid

PAIR = crypto.generate_key_pair()


def pem(label: str, bare: str) -> str:
    lines = [bare[i : i + 64] for i in range(0, len(bare), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def pkcs1_public() -> str:
    der = crypto.public_key(PAIR.public).public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return b64encode(der).decode()


@pytest.mark.parametrize(
    "text",
    [
        PAIR.private,
        pem("PRIVATE KEY", PAIR.private),
        crypto.pkcs1_private(PAIR.private),
        pem("RSA PRIVATE KEY", crypto.pkcs1_private(PAIR.private)).replace("\n", "\r\n"),
        "  " + PAIR.private[:100] + "\n" + PAIR.private[100:] + "\n",
    ],
)
def test_private_key_forms_are_one_key(text: str) -> None:
    assert crypto.pkcs8_private(text) == PAIR.private
    assert crypto.public_of_private(text) == PAIR.public


@pytest.mark.parametrize(
    "text",
    [PAIR.public, pem("PUBLIC KEY", PAIR.public), pkcs1_public(), pem("RSA PUBLIC KEY", pkcs1_public())],
)
def test_public_key_forms_are_one_key(text: str) -> None:
    assert crypto.spki_public(text) == PAIR.public


@pytest.mark.parametrize("sign_type", ["RSA2", "RSA"])
def test_signature_verifies_only_the_same_message_and_digest(sign_type: crypto.SignType) -> None:
    other: crypto.SignType = "RSA" if sign_type == "RSA2" else "RSA2"
    signature = crypto.sign("金额=1".encode(), PAIR.private, sign_type)
    assert len(b64decode(signature)) == 256
    assert crypto.verify("金额=1".encode(), signature, PAIR.public, sign_type)
    assert not crypto.verify("金额=2".encode(), signature, PAIR.public, sign_type)
    assert not crypto.verify("金额=1".encode(), signature, PAIR.public, other)
    assert not crypto.verify("金额=1".encode(), signature, crypto.generate_key_pair().public, sign_type)


@pytest.mark.parametrize("signature", ["", "!", "AAAA", "签名", "A" * 10_000, "QQ==\n"])
def test_malformed_signature_is_false(signature: str) -> None:
    assert not crypto.verify(b"x", signature, PAIR.public)


def elliptic_public() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def elliptic_private() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


@pytest.mark.parametrize("text", ["", "not a key", "QUJD", "密钥", PAIR.private, elliptic_public()])
def test_bad_public_keys_are_invalid(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        crypto.spki_public(text)
    assert (caught.value.code, caught.value.field) == ("invalid_parameter", "public_key")


@pytest.mark.parametrize("text", ["", "not a key", "QUJD", PAIR.public, elliptic_private()])
def test_bad_private_keys_are_invalid(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        crypto.pkcs8_private(text)
    assert caught.value.field == "private_key"
