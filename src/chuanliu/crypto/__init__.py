"""RSA, AES, certificates, envelope encryption and webhook signatures: pure functions over bytes.

Randomness and the clock are passed in; RSA key generation alone draws from the operating system, because OpenSSL does.
"""

from chuanliu.crypto.aes import decrypt_content, encrypt_content
from chuanliu.crypto.authority import (
    DistinguishedName,
    Issuer,
    Validity,
    issue_certificate,
    issue_from_request,
    issuing_authority,
    root_authority,
    serial_from,
)
from chuanliu.crypto.certificates import (
    certificate_pem,
    certificate_public_key,
    certificate_sn,
    root_certificates_sn,
    verify_chain,
)
from chuanliu.crypto.envelope import SEAL_RANDOMNESS, MasterKey, rewrap, seal, sealed_with, unseal
from chuanliu.crypto.rsa import (
    RsaKeyPair,
    SignType,
    generate_key_pair,
    pkcs1_private,
    pkcs8_private,
    private_key,
    public_key,
    public_of_private,
    sign,
    spki_public,
    verify,
)
from chuanliu.crypto.webhook import secret_text, sign_webhook, verify_webhook

__all__ = [
    "SEAL_RANDOMNESS",
    "DistinguishedName",
    "Issuer",
    "MasterKey",
    "RsaKeyPair",
    "SignType",
    "Validity",
    "certificate_pem",
    "certificate_public_key",
    "certificate_sn",
    "decrypt_content",
    "encrypt_content",
    "generate_key_pair",
    "issue_certificate",
    "issue_from_request",
    "issuing_authority",
    "pkcs1_private",
    "pkcs8_private",
    "private_key",
    "public_key",
    "public_of_private",
    "rewrap",
    "root_authority",
    "root_certificates_sn",
    "seal",
    "sealed_with",
    "secret_text",
    "serial_from",
    "sign",
    "sign_webhook",
    "spki_public",
    "unseal",
    "verify",
    "verify_chain",
    "verify_webhook",
]
