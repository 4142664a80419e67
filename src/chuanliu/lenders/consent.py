"""What a consumer signs before she uses a product: one consent for each lender and product, never one for several."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

from chuanliu.errors import Refused
from chuanliu.lenders.tables import Lender, Product
from chuanliu.lenders.terms import terms_of


class Consent(NamedTuple):
    """The exact text, and the SHA-256 of its UTF-8 by which a signature says which text was read."""

    text: str
    sha256: bytes


def consent_of(lender: Lender, product: Product) -> Consent:
    """The present consent of a product. Its head names the lender and the product, whatever the lender's text says."""
    head = f"{lender.name_zh}（{lender.name}）\n{product.name_zh}（{product.name}）"
    text = f"{head}\n\n{terms_of(product).consent_text}"
    return Consent(text, sha256(text.encode()).digest())


def require_consent(lender: Lender, product: Product, signed_sha256: bytes) -> None:
    """Raises `Refused(consent_outdated)` where another text than the present one was signed."""
    if consent_of(lender, product).sha256 != signed_sha256:
        raise Refused("consent_outdated", field="consent_sha256")
