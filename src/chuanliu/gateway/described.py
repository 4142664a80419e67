"""OpenAPI 3.1 documents of the APIs of administrators and lenders, made from their tables of operations."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec

from chuanliu.gateway.bodies import RAW_MEDIA_TYPES, RawBody
from chuanliu.gateway.native.documents import Problem
from chuanliu.gateway.native.openapi import framed, query_parameters

_REFERENCE: Final = "#/components/schemas/{name}"
_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_OBJECT: Final = {"type": "object"}
_NAME_SCHEMA: Final = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"}
_ALWAYS: Final = (400, 401, 403, 429, 500, 503)
_OF_NAMES: Final = (404,)
_OF_CHANGES: Final = (404, 409, 413, 415, 422)


class Described(NamedTuple):
    """One operation as a document tells it. `request` is a struct, `RawBody`, or None where it takes no body."""

    method: str
    path: str
    name: str
    summary: str
    request: type[Any] | None
    query: type[msgspec.Struct] | None
    status: int

    @property
    def tag(self) -> str:
        """The collection that its path begins with."""
        return self.path.split("/")[3]


def described(
    method: str,
    path: str,
    handle: Callable[..., Any],
    status: int,
    *,
    request: type[Any] | None = None,
    query: type[msgspec.Struct] | None = None,
) -> Described:
    """An operation under the name and with the first sentence of what carries it out."""
    summary = " ".join((handle.__doc__ or "").split("\n\n", maxsplit=1)[0].split())
    return Described(method, path, handle.__name__, summary, request, query, status)


def api_document(title: str, description: str, operations: Sequence[Described], public_url: str) -> dict[str, Any]:
    """The document of these operations as plain values. Answers are objects, of which the pages of docs/ tell."""
    structs = [each.request for each in operations if each.request not in (None, RawBody)]
    types = list(dict.fromkeys([*structs, Problem]))
    _, schemas = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    tags = [{"name": name} for name in dict.fromkeys(each.tag for each in operations)]
    return framed(title, description, public_url, tags, paths, schemas)


def _operation(operation: Described) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", operation.path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": _NAME_SCHEMA} for name in names]
    if operation.query is not None:
        parameters += query_parameters(operation.query)
    found: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": _responses(operation, names=bool(names) or _names_a_campaign(operation.query)),
    }
    if parameters:
        found["parameters"] = parameters
    if operation.request is RawBody:
        found["requestBody"] = {"required": True, "content": {kind: {"schema": _OBJECT} for kind in RAW_MEDIA_TYPES}}
    elif operation.request is not None:
        schema = {"$ref": _REFERENCE.format(name=operation.request.__name__)}
        found["requestBody"] = {"required": False, "content": {_JSON: {"schema": schema}}}
    return found


def _names_a_campaign(query: type[msgspec.Struct] | None) -> bool:
    return query is not None and "campaign" in query.__struct_fields__


def _responses(operation: Described, *, names: bool) -> dict[str, Any]:
    success = {"description": HTTPStatus(operation.status).phrase, "content": {_JSON: {"schema": _OBJECT}}}
    statuses = {*_ALWAYS, *(_OF_NAMES if names else ()), *(_OF_CHANGES if operation.method != "GET" else ())}
    problem = {"$ref": _REFERENCE.format(name=Problem.__name__)}
    return {str(operation.status): success} | {
        str(status): {"description": HTTPStatus(status).phrase, "content": {_PROBLEM: {"schema": problem}}}
        for status in sorted(statuses)
    }
