"""The platform's certificate authority: a root, an issuing authority below it, and what it issues.

Two habits of the SDKs bind every certificate: the issuer's name is exactly C, O, OU, CN in this order, and serial
numbers stay below 128 bits (PHP prints larger ones in hex and so computes another certificate number).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from chuanliu.clock import Micros, to_datetime
from chuanliu.crypto.certificates import certificate_pem, read_certificates
from chuanliu.crypto.rsa import private_key, public_key
from chuanliu.errors import Invalid

_SERIAL_BYTES: Final = 15
_SPECIAL: Final = frozenset(',+"\\<>;=#\n\r\0')


class DistinguishedName(NamedTuple):
    """C, O, OU and CN: all required, 1 to 64 characters (C: two), and free of characters that names escape."""

    country: str
    organization: str
    unit: str
    common_name: str


class Validity(NamedTuple):
    """First and last instant; certificates have whole seconds."""

    from_at: Micros
    until_at: Micros


@dataclass(frozen=True)
class Issuer:
    """An authority's certificate (PEM) and its private key."""

    certificate: str
    private_key: str = field(repr=False)


def serial_from(randomness: bytes) -> int:
    """A positive serial number below 120 bits from 15 fresh random bytes."""
    if len(randomness) != _SERIAL_BYTES:
        raise ValueError(f"a serial number takes {_SERIAL_BYTES} bytes of randomness")
    return int.from_bytes(randomness) | 1


def root_authority(key: str, name: DistinguishedName, serial: int, validity: Validity) -> Issuer:
    """A self-signed root over a private key; one authority may stand below it."""
    x509_name = _name(name)
    own = private_key(key)
    builder = _builder(x509_name, own.public_key(), serial, validity, issuer=x509_name, issuer_key=own.public_key())
    return Issuer(_finish(_as_authority(builder, path_length=1), own), key)


def issuing_authority(root: Issuer, key: str, name: DistinguishedName, serial: int, validity: Validity) -> Issuer:
    """An authority below the root that issues to apps and to the platform."""
    own = private_key(key)
    builder = _below(root, _name(name), own.public_key(), serial, validity)
    return Issuer(_finish(_as_authority(builder, path_length=0), private_key(root.private_key)), key)


def issue_certificate(
    issuer: Issuer, subject_key: str, subject: DistinguishedName, serial: int, validity: Validity
) -> str:
    """A certificate (PEM) over a public key. Raises `Invalid(invalid_parameter)` for a bad key or name."""
    builder = _below(issuer, _name(subject), public_key(subject_key), serial, validity)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return _finish(builder.add_extension(usage, critical=True), private_key(issuer.private_key))


def issue_from_request(
    issuer: Issuer, request_pem: str, subject: DistinguishedName, serial: int, validity: Validity
) -> str:
    """A certificate for the key of a PKCS #10 request whose own signature proves possession of the private key.

    The subject is the platform's word on who this is; names and extensions that the request asks for are ignored.
    Raises `Invalid(invalid_parameter, field="csr")`.
    """
    try:
        request = x509.load_pem_x509_csr(request_pem.encode())
        proven = request.is_signature_valid
        key = request.public_key()
    except (ValueError, TypeError):
        raise Invalid("invalid_parameter", "csr is not a PEM certificate request", field="csr") from None
    if not proven or not isinstance(key, rsa.RSAPublicKey):
        raise Invalid("invalid_parameter", "csr must be signed by the RSA key that it names", field="csr")
    return issue_certificate(issuer, _spki(key), subject, serial, validity)


def _spki(key: rsa.RSAPublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _name(name: DistinguishedName) -> x509.Name:
    if len(name.country) != 2 or any(not 1 <= len(part) <= 64 or _SPECIAL & set(part) for part in name):
        raise Invalid("invalid_parameter", "C, O, OU and CN need 1 to 64 plain characters", field="subject")
    oids = (
        NameOID.COUNTRY_NAME,
        NameOID.ORGANIZATION_NAME,
        NameOID.ORGANIZATIONAL_UNIT_NAME,
        NameOID.COMMON_NAME,
    )
    return x509.Name([x509.NameAttribute(oid, part) for oid, part in zip(oids, name, strict=True)])


def _below(
    issuer: Issuer, subject: x509.Name, key: rsa.RSAPublicKey, serial: int, validity: Validity
) -> x509.CertificateBuilder:
    issuer_key = private_key(issuer.private_key).public_key()
    issuer_name = read_certificates(issuer.certificate)[0].subject
    return _builder(subject, key, serial, validity, issuer=issuer_name, issuer_key=issuer_key)


def _builder(
    subject: x509.Name,
    key: rsa.RSAPublicKey,
    serial: int,
    validity: Validity,
    *,
    issuer: x509.Name,
    issuer_key: rsa.RSAPublicKey,
) -> x509.CertificateBuilder:
    if not 0 < serial < 2**127:
        raise ValueError("serial numbers are positive and below 128 bits")
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(to_datetime(validity.from_at).replace(microsecond=0))
        .not_valid_after(to_datetime(validity.until_at).replace(microsecond=0))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _as_authority(builder: x509.CertificateBuilder, path_length: int) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    return builder.add_extension(constraints, critical=True).add_extension(usage, critical=True)


def _finish(builder: x509.CertificateBuilder, key: rsa.RSAPrivateKey) -> str:
    return certificate_pem(builder.sign(key, hashes.SHA256()))
