"""Reading certificates: the numbers by which the Alipay wire names them, and whether a chain holds."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from chuanliu.clock import Micros, to_datetime
from chuanliu.errors import Invalid

_SHORT_NAMES: Final = {
    NameOID.COUNTRY_NAME: "C",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.LOCALITY_NAME: "L",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COMMON_NAME: "CN",
}
_RSA_SIGNATURES: Final = "1.2.840.113549.1.1"
_CHAIN_LENGTH_MAX: Final = 6


@lru_cache(maxsize=4096)
def certificate_sn(pem: str) -> str:
    """`app_cert_sn` or `alipay_cert_sn`: MD5, in hex, of the issuer's name and the decimal serial number.

    The name is written last attribute first, comma without blank (`CN=…,OU=…,O=…,C=…`), unescaped, as every SDK does.
    Of several PEM blocks the first counts. Raises `Invalid(invalid_parameter, field="certificate")`.
    """
    return _sn(read_certificates(pem)[0])


@lru_cache(maxsize=256)
def root_certificates_sn(pem: str) -> str:
    """`alipay_root_cert_sn`: the numbers of all RSA-signed certificates of a root file, joined by `_`.

    Others (such as SM2) are skipped. Raises `Invalid(invalid_parameter, field="certificate")`.
    """
    rsa_signed = (
        certificate
        for certificate in read_certificates(pem)
        if certificate.signature_algorithm_oid.dotted_string.startswith(_RSA_SIGNATURES)
    )
    return "_".join(_sn(certificate) for certificate in rsa_signed)


@lru_cache(maxsize=4096)
def certificate_public_key(pem: str) -> str:
    """The first certificate's public key as bare base64 SPKI. Raises `Invalid(invalid_parameter)`."""
    spki = read_certificates(pem)[0].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(spki).decode()


def certificate_pem(certificate: x509.Certificate) -> str:
    """PEM text that ends in one line break. Join several with a blank line: one SDK splits root files there."""
    return certificate.public_bytes(Encoding.PEM).decode()


def verify_chain(leaf: str, intermediates: Sequence[str], roots: Sequence[str], at: Micros) -> None:
    """Check that a chain of valid signatures leads from the leaf to one of the roots, all valid at the instant.

    Raises `Invalid(invalid_parameter, field="certificate")` that says what is wrong.
    """
    trusted = [certificate for pem in roots for certificate in read_certificates(pem)]
    known = [certificate for pem in intermediates for certificate in read_certificates(pem)]
    current = read_certificates(leaf)[0]
    moment = to_datetime(at)
    for _ in range(_CHAIN_LENGTH_MAX):
        if not current.not_valid_before_utc <= moment <= current.not_valid_after_utc:
            raise _invalid("a certificate of the chain is not valid at this time")
        if current in trusted:
            return
        issuer = next((c for c in trusted + known if c != current and _issued(c, current)), None)
        if issuer is None:
            break
        current = issuer
    raise _invalid("the certificate does not lead to a trusted root")


def read_certificates(pem: str) -> list[x509.Certificate]:
    """All certificates of a PEM text, at least one. Raises `Invalid(invalid_parameter, field="certificate")`."""
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise _invalid("the text is not a PEM certificate") from None


def _issued(issuer: x509.Certificate, subject: x509.Certificate) -> bool:
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        subject.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return constraints.ca


def _sn(certificate: x509.Certificate) -> str:
    names = [
        f"{_SHORT_NAMES.get(attribute.oid, attribute.oid.dotted_string)}={attribute.value!s}"
        for attribute in reversed(list(certificate.issuer))
    ]
    text = ",".join(names) + str(certificate.serial_number)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _invalid(message: str) -> Invalid:
    return Invalid("invalid_parameter", message, field="certificate")
