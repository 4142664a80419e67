"""The OpenAPI 3.1 document, made from the table of operations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Protocol

import msgspec

from chuanliu.errors import CODES
from chuanliu.gateway.native.documents import Problem
from chuanliu.gateway.native.fields import END, REFERENCE_PATTERN
from chuanliu.gateway.native.operation import Operation
from chuanliu.gateway.native.problems import statuses_of

_API_VERSION: Final = "1"
ALWAYS: Final = (
    "invalid_parameter",
    "api_key_missing",
    "api_key_invalid",
    "forbidden",
    "busy",
    "share_exceeded",
    "unavailable",
    "internal",
)
"""Errors that every operation may give."""
WITH_BODY: Final = ("invalid_json", "body_too_large", "unsupported_media_type")
"""Errors of every operation that takes a body."""

_DESCRIPTION: Final = """\
Payments, orders, refunds, events and webhooks as JSON over HTTP.

Send your API key as `Authorization: Bearer KEY`. Amounts are decimal text with a currency, ids are strings, times are
RFC 3339. Unknown fields are refused.

Repeat a request safely: what you number yourself (`reference`, `request_no`) happens once, and so does a POST that is
sent again with the same `Idempotency-Key`.

Every error is a problem document (RFC 9457) with a stable `code`, the `field` where there is one, and `details`.
"""

_TAGS: Final = {
    "Payments": "Money from a payer, by payment code.",
    "Orders": "What you sell, to be paid by QR code, in the cashier or by payment code.",
    "Instalments": "Quotes of all ways to pay, and the plans that come of them.",
    "Refunds": "Money back to the payer, the way it came.",
    "Events": "What happened, in order.",
    "Webhooks": "Events sent to you, signed by the Standard Webhooks scheme.",
    "Account": "What you have been paid.",
}

_REFERENCE: Final = "#/components/schemas/{name}"
_SCHEMA: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_ID_SCHEMA: Final = {"type": "string", "pattern": "^[0-9]{1,19}$"}


class Told(Protocol):
    """What a document tells of an operation, of whichever of our APIs."""

    @property
    def method(self) -> str:
        """In capitals."""

    @property
    def path(self) -> str:
        """With `{names}`; each is an id."""

    @property
    def name(self) -> str:
        """Its id in the document."""

    @property
    def tag(self) -> str:
        """What it belongs to."""

    @property
    def summary(self) -> str:
        """In a line."""

    @property
    def description(self) -> str:
        """In full; empty where the line says all."""

    @property
    def request(self) -> type[msgspec.Struct] | None:
        """The body it takes."""

    @property
    def query(self) -> type[msgspec.Struct] | None:
        """The query parameters it takes."""

    @property
    def response(self) -> type[msgspec.Struct] | None:
        """What it gives."""

    @property
    def status(self) -> int:
        """The status when it has done so."""

    @property
    def codes(self) -> tuple[str, ...]:
        """Its errors besides those that every operation may give."""

    @property
    def keyed(self) -> bool:
        """Whether it takes an `Idempotency-Key`."""


def openapi_document(operations: Sequence[Operation], public_url: str) -> dict[str, Any]:
    """The document of these operations as plain values."""
    return document_of("Chuanliu", _DESCRIPTION, _TAGS, operations, public_url)


def document_of(
    title: str, description: str, tag_texts: Mapping[str, str], operations: Sequence[Told], public_url: str
) -> dict[str, Any]:
    """A document of an API whose operations say what they take and give."""
    structs = [struct for each in operations for struct in (each.request, each.response) if struct is not None]
    types = list(dict.fromkeys([*structs, Problem]))
    _, schemas = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    tags = [{"name": name, "description": text} for name, text in tag_texts.items()]
    return framed(title, description, public_url, tags, paths, schemas)


def framed(
    title: str,
    description: str,
    public_url: str,
    tags: Sequence[dict[str, str]],
    paths: dict[str, Any],
    schemas: dict[str, Any],
) -> dict[str, Any]:
    """A document of any of our APIs, whose callers send a key as a bearer."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": _API_VERSION, "description": description},
        "servers": [{"url": public_url}],
        "security": [{"api_key": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"api_key": {"type": "http", "scheme": "bearer", "description": "Your API key."}},
        },
    }
    return {name: _plain(part) for name, part in document.items()}


def _plain(node: Any) -> Any:
    """Patterns as JSON Schema has them: its `$` is the end of the text and nothing else."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_plain(value) for value in node]
    return node.replace(END, "$") if isinstance(node, str) else node


def _operation(operation: Told) -> dict[str, Any]:
    parameters = [*_path_parameters(operation), *query_parameters(operation.query), *_header_parameters(operation)]
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": _responses(operation),
    }
    if operation.description:
        described["description"] = operation.description
    if parameters:
        described["parameters"] = parameters
    if operation.request is not None:
        described["requestBody"] = {"required": True, "content": {_SCHEMA: {"schema": _link(operation.request)}}}
    return described


def _link(struct: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=struct.__name__)}


def _path_parameters(operation: Told) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", operation.path)
    return [{"name": name, "in": "path", "required": True, "schema": _ID_SCHEMA} for name in names]


def query_parameters(query: type[msgspec.Struct] | None) -> list[dict[str, Any]]:
    """The parameters that a struct of a query stands for."""
    if query is None:
        return []
    schema = msgspec.json.schema(query)["$defs"][query.__name__]
    required = set(schema.get("required", ()))
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": member.get("description", ""),
            "schema": {key: value for key, value in member.items() if key != "description"},
        }
        for name, member in schema["properties"].items()
    ]


def _header_parameters(operation: Told) -> list[dict[str, Any]]:
    if not operation.keyed:
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Makes the request safe to repeat. The same key with other content is refused.",
            "schema": {"type": "string", "pattern": REFERENCE_PATTERN.replace("^", "^(?!cancel:)", 1)},
        }
    ]


def _responses(operation: Told) -> dict[str, Any]:
    success: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.response is not None:
        success["content"] = {_SCHEMA: {"schema": _link(operation.response)}}
    by_status: dict[int, list[str]] = {}
    for code in (*operation.codes, *(WITH_BODY if operation.request is not None else ()), *ALWAYS):
        for status in statuses_of(code):
            by_status.setdefault(status, []).append(code)
    responses = {str(operation.status): success}
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = {
            "description": "\n\n".join(f"`{code}` {CODES[code]}" for code in codes),
            "content": {_PROBLEM: {"schema": _link(Problem)}},
        }
    return responses
