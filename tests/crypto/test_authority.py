"""The platform's certificate authority and the numbers of its certificates."""

from __future__ import annotations

import hashlib
import os

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from chuanliu import crypto
from chuanliu.clock import DAY, SECOND
from chuanliu.crypto import DistinguishedName, Validity
from chuanliu.errors import Invalid

NOW = 1_790_000_000 * SECOND
YEARS = Validity(NOW - DAY, NOW + 3650 * DAY)
ROOT_NAME = DistinguishedName("CN", "川流", "Certification", "Chuanliu Root")
ISSUING_NAME = DistinguishedName("CN", "Chuanliu", "Certification", "Chuanliu Issuing R1")
APP_NAME = DistinguishedName("CN", "Shop", "App", "2021000000000001")

ROOT = crypto.root_authority(crypto.generate_key_pair().private, ROOT_NAME, crypto.serial_from(os.urandom(15)), YEARS)
ISSUING = crypto.issuing_authority(
    ROOT, crypto.generate_key_pair().private, ISSUING_NAME, crypto.serial_from(os.urandom(15)), YEARS
)
APP = crypto.generate_key_pair()
APP_CERTIFICATE = crypto.issue_certificate(ISSUING, APP.public, APP_NAME, 2**119 + 7, YEARS)


def request_pem(**tampering: bool) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "whatever")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    if tampering.get("elliptic"):
        return (
            builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.PEM).decode()
        )
    return builder.sign(crypto.private_key(APP.private), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_issuer_is_exactly_c_o_ou_cn() -> None:
    certificate = x509.load_pem_x509_certificate(APP_CERTIFICATE.encode())
    assert [a.oid for a in certificate.issuer] == [
        NameOID.COUNTRY_NAME,
        NameOID.ORGANIZATION_NAME,
        NameOID.ORGANIZATIONAL_UNIT_NAME,
        NameOID.COMMON_NAME,
    ]


def test_certificate_number_is_md5_of_reversed_issuer_and_serial() -> None:
    text = f"CN=Chuanliu Issuing R1,OU=Certification,O=Chuanliu,C=CN{2**119 + 7}"
    assert crypto.certificate_sn(APP_CERTIFICATE) == hashlib.md5(text.encode()).hexdigest()


def test_root_file_number_joins_and_skips_other_algorithms() -> None:
    other = crypto.root_authority(crypto.generate_key_pair().private, ROOT_NAME, 5, YEARS).certificate
    joined = crypto.certificate_sn(ROOT.certificate) + "_" + crypto.certificate_sn(other)
    assert crypto.root_certificates_sn(ROOT.certificate + "\n" + other) == joined


def test_public_key_of_a_certificate() -> None:
    assert crypto.certificate_public_key(APP_CERTIFICATE) == APP.public


def test_request_proves_its_key_and_the_platform_names_the_subject() -> None:
    issued = crypto.issue_from_request(ISSUING, request_pem(), APP_NAME, 99, YEARS)
    assert crypto.certificate_public_key(issued) == APP.public
    subject = x509.load_pem_x509_certificate(issued.encode()).subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "2021000000000001"


@pytest.mark.parametrize("text", ["", "csr", APP_CERTIFICATE, request_pem(elliptic=True)])
def test_bad_requests_are_invalid(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        crypto.issue_from_request(ISSUING, text, APP_NAME, 99, YEARS)
    assert caught.value.field == "csr"


def test_chain_leads_to_the_root() -> None:
    crypto.verify_chain(APP_CERTIFICATE, [ISSUING.certificate], [ROOT.certificate], NOW)
    crypto.verify_chain(ROOT.certificate, [], [ROOT.certificate], NOW)


@pytest.mark.parametrize(
    ("intermediates", "roots", "at"),
    [
        ([], [ROOT.certificate], NOW),
        ([ISSUING.certificate], [], NOW),
        ([ISSUING.certificate], [ROOT.certificate], YEARS.until_at + DAY),
        ([ISSUING.certificate], [ROOT.certificate], YEARS.from_at - DAY),
        (
            [ISSUING.certificate],
            [crypto.root_authority(crypto.generate_key_pair().private, ROOT_NAME, 5, YEARS).certificate],
            NOW,
        ),
    ],
    ids=["no issuing", "no root", "too late", "too early", "other root of the same name"],
)
def test_broken_chains_are_refused(intermediates: list[str], roots: list[str], at: int) -> None:
    with pytest.raises(Invalid) as caught:
        crypto.verify_chain(APP_CERTIFICATE, intermediates, roots, at)
    assert caught.value.field == "certificate"


def test_an_app_certificate_issues_nothing() -> None:
    app_as_issuer = crypto.Issuer(APP_CERTIFICATE, APP.private)
    forged = crypto.issue_certificate(app_as_issuer, crypto.generate_key_pair().public, APP_NAME, 3, YEARS)
    with pytest.raises(Invalid):
        crypto.verify_chain(forged, [APP_CERTIFICATE, ISSUING.certificate], [ROOT.certificate], NOW)


@pytest.mark.parametrize(
    "name",
    [
        DistinguishedName("CHN", "a", "b", "c"),
        DistinguishedName("CN", "a,b", "b", "c"),
        DistinguishedName("CN", "a", "", "c"),
        DistinguishedName("CN", "a", "b", "c" * 65),
    ],
)
def test_names_that_sdks_would_print_differently_are_refused(name: DistinguishedName) -> None:
    with pytest.raises(Invalid):
        crypto.issue_certificate(ISSUING, APP.public, name, 1, YEARS)


@pytest.mark.parametrize("serial", [0, -1, 2**127])
def test_serial_numbers_are_bounded(serial: int) -> None:
    with pytest.raises(ValueError, match="serial"):
        crypto.issue_certificate(ISSUING, APP.public, APP_NAME, serial, YEARS)


def test_random_serials_are_bounded() -> None:
    assert 0 < crypto.serial_from(bytes(15)) < crypto.serial_from(b"\xff" * 15) < 2**120
