"""The OpenAPI 3.1 document of the contract `credit-pay/v1`, made from its structs: `docs/credit-pay-openapi.json`."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from chuanliu.connectors.bank import CallKind
from chuanliu.connectors.credit_pay.contract import (
    CALLS,
    DECLINE_CODES,
    HEALTH_PATH,
    REFUSAL_CODES,
    CallAnswer,
    CallRefusal,
    HealthAnswer,
    path_of,
)
from chuanliu.connectors.credit_pay.signing import BANK, KEY, NONCE, NONCE_CHARACTERS, SIGNATURE, TIMESTAMP

_JSON: Final = "application/json"
_REFERENCE: Final = "#/components/schemas/{name}"

_DESCRIPTION: Final = """\
What a bank serves so that its credit pay (信用购) can be chosen in Chuanliu. The platform calls, the bank answers.

Every call has a `call_id`, and a bank does what a `call_id` asks for once: a repeat gets the first answer again. A
request without an answer is repeated or asked about; it is never taken for a failure.

The platform signs its requests and the bank its answers, RSA PKCS #1 v1.5 with SHA-256, in base64. Lines are joined by
one line feed (0x0A), with none at the end; digests are lower-case hexadecimal SHA-256 of the body's octets.

A request's text: `credit-pay/v1`, `request`, the bank's code, the method, the path from `/credit-pay/v1/` on, the
timestamp, the nonce, the digest of the body.

An answer's text: `credit-pay/v1`, `answer`, then the bank's code, method, path, timestamp and nonce of the request, the
status, the digest of the answer's body.

Members and headers that you do not know are to be ignored.
"""

_SUMMARIES: Final[dict[CallKind, str]] = {
    "authorise": "Reserve an amount on a consumer's line",
    "complete": "Take what was reserved, or a part; the rest is free again",
    "refund": "Give back what was completed, or a part",
    "reverse": "Undo an authorisation that is not completed",
    "inquire": "What became of a call",
}


def credit_pay_document() -> dict[str, Any]:
    """The document as plain values."""
    types = (*dict.fromkeys(CALLS.values()), CallAnswer, CallRefusal, HealthAnswer)
    _, schemas = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    paths: dict[str, Any] = {path_of(kind): {"post": _call(kind)} for kind in CALLS}
    paths[HEALTH_PATH] = {"get": _health()}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Chuanliu credit pay: what a bank serves", "version": "1", "description": _DESCRIPTION},
        "servers": [{"url": "{endpoint}", "variables": {"endpoint": {"default": "https://bank.example"}}}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": _request_headers(),
            "headers": _answer_headers(),
            "responses": _refusals(),
        },
    }
    return {name: _plain(part) for name, part in document.items()}


def _plain(node: Any) -> Any:
    """Patterns as JSON Schema has them: its `$` is the end of the text and nothing else."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_plain(value) for value in node]
    return node.replace(r"\Z", "$") if isinstance(node, str) else node


def _link(struct: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=struct.__name__)}


def _call(kind: CallKind) -> dict[str, Any]:
    return {
        "operationId": kind,
        "summary": _SUMMARIES[kind],
        "parameters": _parameter_links(),
        "requestBody": {"required": True, "content": {_JSON: {"schema": _link(CALLS[kind])}}},
        "responses": {
            "200": _answer("The bank's word on the call.\n\n" + _decline_list(), CallAnswer),
            **_refusal_links(*sorted({status for status, _ in REFUSAL_CODES.values()})),
        },
    }


def _health() -> dict[str, Any]:
    return {
        "operationId": "health",
        "summary": "Whether calls are taken; asked before the first call after an outage",
        "parameters": _parameter_links(),
        "responses": {"200": _answer("The bank takes calls.", HealthAnswer), **_refusal_links(401, 503)},
    }


def _decline_list() -> str:
    lines = [f"* `{code}` {sentence}" for code, (_, sentence) in DECLINE_CODES.items()]
    return "\n".join(("Codes of a declined call:", "", *lines))


def _answer(description: str, struct: type[msgspec.Struct], *, signed: bool = True) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": description, "content": {_JSON: {"schema": _link(struct)}}}
    if signed:
        answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in _answer_headers()}
    return answer


def _refusals() -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code, (status, sentence) in REFUSAL_CODES.items():
        by_status.setdefault(status, []).append(f"`{code}` {sentence}")
    # What was not verified is answered without a signature: it would prove nothing.
    return {
        f"Status{status}": _answer("\n\n".join(lines), CallRefusal, signed=status != 401)
        for status, lines in by_status.items()
    }


def _refusal_links(*statuses: int) -> dict[str, Any]:
    return {str(status): {"$ref": f"#/components/responses/Status{status}"} for status in statuses}


def _parameter_links() -> list[dict[str, str]]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in _request_headers()]


def _request_headers() -> dict[str, Any]:
    nonce = f"^[A-Za-z0-9_-]{{{NONCE_CHARACTERS.start},{NONCE_CHARACTERS.stop - 1}}}$"
    described = {
        BANK: ("The bank's code with the platform: refuse what is for another.", {"type": "string", "maxLength": 64}),
        KEY: ("The id of the platform's key that signed.", {"type": "string", "maxLength": 64}),
        TIMESTAMP: ("Seconds since 1970; at most 300 from your clock.", {"type": "string", "pattern": "^[0-9]{1,12}$"}),
        NONCE: ("Fresh with every request, repeats too. Take each once.", {"type": "string", "pattern": nonce}),
        SIGNATURE: ("Base64 of the signature over the request's text.", {"type": "string"}),
    }
    return {
        name: {"name": name, "in": "header", "required": True, "description": text, "schema": schema}
        for name, (text, schema) in described.items()
    }


def _answer_headers() -> dict[str, Any]:
    described = {
        KEY: "The id of the bank's key that signed, as agreed with the platform.",
        SIGNATURE: "Base64 of the signature over the answer's text. An answer without it is not believed.",
    }
    return {
        name: {"required": True, "description": text, "schema": {"type": "string"}} for name, text in described.items()
    }
