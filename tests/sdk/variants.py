"""The SDKs and the ways of using each that merchants have: keys, certificates, encryption, charset, version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sdk.environments import Environment, node_environment, python_environment


@dataclass(frozen=True, slots=True)
class Sdk:
    """An SDK as published, where it is installed, and the script that drives it."""

    name: str
    script: str
    environment: Callable[[], Environment]


OFFICIAL_PYTHON: Final = Sdk("alipay-sdk-python", "official_python.py", lambda: python_environment("alipay_sdk_python"))
COMMUNITY_PYTHON: Final = Sdk(
    "python-alipay-sdk", "community_python.py", lambda: python_environment("python_alipay_sdk")
)
NODE: Final = Sdk("alipay-sdk (npm)", "node.mjs", node_environment)
SDKS: Final = (OFFICIAL_PYTHON, COMMUNITY_PYTHON, NODE)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of using an SDK. `settings` are fields of `ClientConfig`; `everything` runs the whole table."""

    name: str
    sdk: Sdk
    settings: dict[str, Any] = field(default_factory=dict)
    certificates: bool = False
    encrypted: bool = False
    everything: bool = False

    @property
    def is_v3(self) -> bool:
        """Whether it speaks v3, where an error is an HTTP status and page flows do not exist."""
        return bool(self.settings.get("version") == "v3")


PKCS1: Final = {"key_format": "PKCS1"}
V3: Final = {"version": "v3"}

VARIANTS: Final = (
    Variant("official-python", OFFICIAL_PYTHON, PKCS1, everything=True),
    Variant("official-python-gbk", OFFICIAL_PYTHON, {**PKCS1, "charset": "gbk"}, everything=True),
    Variant("official-python-rsa1", OFFICIAL_PYTHON, {**PKCS1, "sign_type": "RSA"}),
    Variant("community-python", COMMUNITY_PYTHON, everything=True),
    Variant("community-python-pkcs1-rsa1", COMMUNITY_PYTHON, {**PKCS1, "sign_type": "RSA"}),
    Variant("community-python-certificates", COMMUNITY_PYTHON, certificates=True),
    Variant("node-v2", NODE, everything=True),
    Variant("node-v2-pkcs1", NODE, PKCS1),
    Variant("node-v2-certificates", NODE, certificates=True),
    Variant("node-v2-encrypted", NODE, encrypted=True),
    Variant("node-v3", NODE, V3, everything=True),
    Variant("node-v3-certificates", NODE, V3, certificates=True),
    Variant("node-v3-encrypted", NODE, V3, encrypted=True),
)
