"""The documents of the contract: as generated, and enough for somebody who has nothing else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import json
import re
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from credit_pay_bank import BANK, CODE, PLATFORM, call, run, simulated
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from chuanliu.connectors import BankSimulator, CallKind, FaultPlan, credit_pay_document
from chuanliu.connectors.credit_pay.contract import call_body

DOCS = Path(__file__).parent.parent.parent / "docs"
FILE = DOCS / "credit-pay-openapi.json"
REGENERATE = (
    "run: python -c 'import json; from chuanliu.connectors import credit_pay_document as d;"
    " print(json.dumps(d(), ensure_ascii=False, indent=2))' > docs/credit-pay-openapi.json"
)
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))


def test_the_file_is_the_document_of_the_code() -> None:
    assert FILE.read_text(encoding="utf-8") == (
        json.dumps(credit_pay_document(), ensure_ascii=False, indent=2) + "\n"
    ), REGENERATE


def validator(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    )


@pytest.mark.parametrize("kind", ["authorise", "complete", "refund", "reverse", "inquire"])
def test_calls_are_what_the_document_says(kind: CallKind) -> None:
    operation = DOCUMENT["paths"][f"/credit-pay/v1/{kind}"]["post"]
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    document = json.loads(call_body(call(kind, 9, 8)))
    assert validator(name).is_valid(document)
    assert not validator(name).is_valid({**document, "call_id": 9})
    assert all(
        f"`{code}`" in operation["responses"]["200"]["description"] for code in ("line_suspended", "call_unknown")
    )


def test_every_reference_leads_somewhere() -> None:
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', FILE.read_text(encoding="utf-8")):
        node: Any = DOCUMENT
        for part in reference.split("/"):
            node = node[part]


def test_the_page_for_banks_names_what_the_contract_has() -> None:
    page = (DOCS / "banks-credit-pay.md").read_text(encoding="utf-8")
    responses = json.dumps(DOCUMENT["paths"]["/credit-pay/v1/authorise"]["post"]["responses"])
    words = {*re.findall(r"`([a-z_]+)` ", responses + json.dumps(DOCUMENT["components"]["responses"]))}
    words |= {*DOCUMENT["paths"], *DOCUMENT["components"]["parameters"]}
    assert [word for word in sorted(words) if word not in page] == []


@contextmanager
def bank_in_a_thread() -> Iterator[int]:
    """The simulated bank on a loop of its own, so that the test may speak to it with blocking programs."""
    started, ended = threading.Event(), threading.Event()
    ports: list[int] = []

    async def story() -> None:
        async with simulated(FaultPlan()) as simulator:
            ports.append(port_of(simulator))
            started.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=run, args=(story(),))
    thread.start()
    try:
        assert started.wait(10)
        yield ports[0]
    finally:
        ended.set()
        thread.join()


def port_of(simulator: BankSimulator) -> int:
    return simulator.ports[CODE]


def test_the_documentation_suffices_for_a_client_that_is_not_ours() -> None:
    """Signed and verified with the cryptography library, sent with the standard library's client."""
    private: Any = load_der_private_key(base64.b64decode(PLATFORM.private), None)
    bank_public: Any = load_der_public_key(base64.b64decode(BANK.public))

    def exchange(port: int, method: str, path: str, body: bytes, nonce: str) -> tuple[int, Any]:
        timestamp = str(int(time.time()))
        digest = hashlib.sha256(body).hexdigest()
        text = f"credit-pay/v1\nrequest\n{CODE}\n{method}\n{path}\n{timestamp}\n{nonce}\n{digest}"
        signature = private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(
            method,
            path,
            body or None,
            {
                "Content-Type": "application/json",
                "Chuanliu-Bank": CODE,
                "Chuanliu-Key": "p1",
                "Chuanliu-Timestamp": timestamp,
                "Chuanliu-Nonce": nonce,
                "Chuanliu-Signature": base64.b64encode(signature).decode(),
            },
        )
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 401:
            assert answer.getheader("chuanliu-key") == "b1"
            digest = hashlib.sha256(content).hexdigest()
            text = f"credit-pay/v1\nanswer\n{CODE}\n{method}\n{path}\n{timestamp}\n{nonce}\n{answer.status}\n{digest}"
            signed = base64.b64decode(answer.getheader("chuanliu-signature") or "")
            bank_public.verify(signed, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        connection.close()
        return answer.status, json.loads(content)

    def post(port: int, kind: str, document: dict[str, Any], nonce: str = "") -> tuple[int, Any]:
        body = json.dumps(document).encode()
        return exchange(port, "POST", f"/credit-pay/v1/{kind}", body, nonce or secrets.token_hex(12))

    payment = json.loads(call_body(call("authorise", 41)))
    with bank_in_a_thread() as port:
        assert exchange(port, "GET", "/credit-pay/v1/health", b"", "nonce-nonce-nonce") == (200, {"status": "ok"})
        status, answer = post(port, "authorise", payment)
        assert (status, answer["state"], answer["call_id"]) == (200, "approved", "41")
        assert validator("CallAnswer").is_valid(answer)
        assert post(port, "authorise", {**payment, "attempt": 2}) == (200, answer)
        assert post(port, "authorise", {**payment, "amount_minor": 1})[1]["code"] == "call_inconsistent"
        assert post(port, "authorise", {"call_id": "42"})[0] == 400
        assert post(port, "authorise", payment, "nonce-nonce-nonce") == (
            401,
            {"code": "nonce_used", "detail": "the nonce has come before"},
        )
        follow_up = {"original_call_id": "41", "amount_minor": 5, "currency": "CNY", "sent_at": "", "attempt": 1}
        assert post(port, "complete", {**follow_up, "call_id": "43"})[1]["state"] == "approved"
        assert post(port, "refund", {**follow_up, "call_id": "44", "amount_minor": 6})[1] == {
            "call_id": "44",
            "state": "declined",
            "code": "state_not_allowed",
            "reference": answer["reference"],
        }
        inquiry = {"call_id": "45", "asked_call_id": "43", "sent_at": "", "attempt": 1}
        assert post(port, "inquire", inquiry)[1]["state"] == "approved"


@pytest.mark.skipif(shutil.which("openssl") is None or shutil.which("curl") is None, reason="needs openssl and curl")
def test_the_example_of_the_page_runs_as_printed(tmp_path: Path) -> None:
    """The shell lines of the documentation: openssl signs, curl sends, openssl verifies."""
    page = (DOCS / "banks-credit-pay.md").read_text(encoding="utf-8")
    script = next(block for block in re.findall(r"```sh\n(.*?)```", page, flags=re.DOTALL) if "openssl" in block)
    (tmp_path / "platform.pem").write_text(pem("PRIVATE KEY", PLATFORM.private))
    (tmp_path / "bank-public.pem").write_text(pem("PUBLIC KEY", BANK.public))
    with bank_in_a_thread() as port:
        done = subprocess.run(
            ["sh", "-eu", "-c", script],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "ENDPOINT": f"http://127.0.0.1:{port}", "BANK": CODE, "KEY": "p1"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert '"state":"approved"' in done.stdout
    assert "Verified OK" in done.stdout


def pem(label: str, base64_text: str) -> str:
    lines = "\n".join(re.findall(".{1,64}", base64_text))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"
