"""An OpenAPI 3.1 document as what its page shows. Local references are links; only the top of a body is opened up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

_VERBS: Final = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
_REFERENCE_HOPS_MAX: Final = 8
_BOUNDS: Final = (
    ("minimum", "≥ {}"),
    ("exclusiveMinimum", "> {}"),
    ("maximum", "≤ {}"),
    ("exclusiveMaximum", "< {}"),
    ("minLength", "length ≥ {}"),
    ("maxLength", "length ≤ {}"),
    ("minItems", "items ≥ {}"),
    ("maxItems", "items ≤ {}"),
    ("pattern", "pattern {}"),
    ("const", "= {}"),
    ("default", "default {}"),
)

Node = Mapping[str, Any]


class SchemaReading(msgspec.Struct, frozen=True):
    """`type_text` is in JSON Schema words; `links` are the named schemas it mentions; `notes` are bounds and values."""

    type_text: str
    description: str = ""
    notes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    fields: tuple[FieldReading, ...] = ()


class FieldReading(msgspec.Struct, frozen=True):
    """A property of an object, or a parameter of an operation; `place` is where a parameter travels, else empty."""

    name: str
    schema: SchemaReading
    required: bool = False
    deprecated: bool = False
    place: str = ""


class BodyReading(msgspec.Struct, frozen=True):
    """One media type of a request or response body; examples are indented JSON or plain text."""

    content_type: str
    schema: SchemaReading
    examples: tuple[str, ...] = ()


class ResponseReading(msgspec.Struct, frozen=True):
    """One response; `status` is a number, a class such as `4XX`, or `default`."""

    status: str
    description: str
    bodies: tuple[BodyReading, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the status says that the request was not carried out."""
        return self.status[:1] in {"4", "5", "d"}


class OperationReading(msgspec.Struct, frozen=True):
    """One verb on one path. `anchor` is unique within the document."""

    anchor: str
    verb: str
    path: str
    summary: str
    description: str
    deprecated: bool
    parameters: tuple[FieldReading, ...]
    bodies: tuple[BodyReading, ...]
    responses: tuple[ResponseReading, ...]


class GroupReading(msgspec.Struct, frozen=True):
    """The operations of one tag; the name is empty for those without."""

    name: str
    description: str
    operations: tuple[OperationReading, ...]


class DocumentReading(msgspec.Struct, frozen=True):
    """The whole document in reading order."""

    title: str
    version: str
    description: str
    servers: tuple[str, ...]
    security: tuple[tuple[str, str], ...]
    groups: tuple[GroupReading, ...]
    schemas: tuple[tuple[str, SchemaReading], ...]


def read_document(document: Node) -> DocumentReading:
    """Read a document; parts that are absent are left out, references that lead nowhere are shown by their name."""
    info = _node(document, "info")
    components = _node(document, "components")
    return DocumentReading(
        title=str(info.get("title", "")),
        version=str(info.get("version", "")),
        description=str(info.get("description", "")),
        servers=tuple(str(server.get("url", "")) for server in _nodes(document.get("servers"))),
        security=tuple(
            (name, _security_text(_resolve(document, scheme)))
            for name, scheme in _node(components, "securitySchemes").items()
        ),
        groups=_groups(document),
        schemas=tuple(
            (name, _schema(document, scheme, opened=True)) for name, scheme in _node(components, "schemas").items()
        ),
    )


def _groups(document: Node) -> tuple[GroupReading, ...]:
    described = {str(tag.get("name", "")): str(tag.get("description", "")) for tag in _nodes(document.get("tags"))}
    grouped: dict[str, list[OperationReading]] = {name: [] for name in described}
    for path, item in _node(document, "paths").items():
        for verb in _VERBS:
            if isinstance(item, Mapping) and verb in item:
                operation = item[verb]
                tag = str((operation.get("tags") or [""])[0])
                grouped.setdefault(tag, []).append(_operation(document, path, verb, item, operation))
    return tuple(GroupReading(name, described.get(name, ""), tuple(found)) for name, found in grouped.items() if found)


def _operation(document: Node, path: str, verb: str, item: Node, operation: Node) -> OperationReading:
    parameters: dict[tuple[str, str], FieldReading] = {}
    for raw in [*_nodes(item.get("parameters")), *_nodes(operation.get("parameters"))]:
        parameter = _parameter(document, _resolve(document, raw))
        parameters[parameter.place, parameter.name] = parameter
    request = _resolve(document, _node(operation, "requestBody"))
    plain = "".join(character if character.isalnum() else "-" for character in f"{verb}{path}").strip("-")
    return OperationReading(
        anchor=f"operation-{plain}",
        verb=verb,
        path=path,
        summary=str(operation.get("summary") or path),
        description=str(operation.get("description", "")),
        deprecated=bool(operation.get("deprecated", False)),
        parameters=tuple(parameters.values()),
        bodies=_bodies(document, request),
        responses=tuple(
            _response(document, str(status), _resolve(document, response))
            for status, response in _node(operation, "responses").items()
        ),
    )


def _parameter(document: Node, parameter: Node) -> FieldReading:
    schema = _schema(document, _node(parameter, "schema"))
    described = str(parameter.get("description", "")) or schema.description
    return FieldReading(
        name=str(parameter.get("name", "")),
        schema=msgspec.structs.replace(schema, description=described),
        required=bool(parameter.get("required", False)),
        deprecated=bool(parameter.get("deprecated", False)),
        place=str(parameter.get("in", "")),
    )


def _response(document: Node, status: str, response: Node) -> ResponseReading:
    return ResponseReading(status, str(response.get("description", "")), _bodies(document, response))


def _bodies(document: Node, holder: Node) -> tuple[BodyReading, ...]:
    return tuple(
        BodyReading(content_type, _schema(document, _node(media, "schema"), opened=True), _examples(document, media))
        for content_type, media in _node(holder, "content").items()
    )


def _examples(document: Node, media: Node) -> tuple[str, ...]:
    schema = _resolve(document, _node(media, "schema"))
    if "example" in media:
        found = [media["example"]]
    elif "examples" in media:
        resolved = (_resolve(document, example) for example in media["examples"].values())
        found = [example["value"] for example in resolved if "value" in example]
    elif "examples" in schema:
        found = list(schema["examples"])
    else:
        found = [schema["example"]] if "example" in schema else []
    return tuple(value if isinstance(value, str) else _indented(value) for value in found)


def _schema(document: Node, schema: object, *, opened: bool = False) -> SchemaReading:
    if not isinstance(schema, Mapping):
        return SchemaReading("any" if schema is not False else "nothing")
    own_description = str(schema.get("description", ""))
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    own_links = [name] if name in _node(_node(document, "components"), "schemas") else []
    if name and not opened:
        return SchemaReading(name, own_description, links=tuple(own_links))
    seen = _resolve(document, schema)
    fields = [field for part in _parts(document, seen, opened) for field in _fields(document, part)]
    type_text, links = _type(document, seen)
    return SchemaReading(
        type_text=type_text or ("object" if fields else "any"),
        description=own_description or str(seen.get("description", "")),
        notes=tuple(_notes(seen)),
        links=tuple(dict.fromkeys([*own_links, *links])),
        fields=tuple(fields),
    )


def _parts(document: Node, schema: Node, opened: bool, passed: frozenset[str] = frozenset()) -> Iterator[Node]:
    """A schema and what `allOf` adds to it; named parts only where it is opened, and each once."""
    yield schema
    for part in _nodes(schema.get("allOf")):
        reference = part.get("$ref")
        if reference is None:
            yield from _parts(document, part, opened, passed)
        elif opened and reference not in passed:
            yield from _parts(document, _resolve(document, part), opened, passed | {reference})


def _fields(document: Node, schema: Node) -> Iterator[FieldReading]:
    required = set(schema.get("required", ()))
    for name, property_schema in _node(schema, "properties").items():
        deprecated = isinstance(property_schema, Mapping) and bool(property_schema.get("deprecated", False))
        yield FieldReading(name, _schema(document, property_schema), name in required, deprecated)
    items = _node(schema, "items")
    if items and "$ref" not in items:
        yield from (
            FieldReading(f"[].{field.name}", field.schema, field.required, field.deprecated)
            for field in _fields(document, items)
        )


def _type(document: Node, schema: Node) -> tuple[str, list[str]]:
    for joint, mark in (("oneOf", " | "), ("anyOf", " | "), ("allOf", " & ")):
        if schema.get(joint):
            parts = [_schema(document, part) for part in schema[joint]]
            return mark.join(part.type_text for part in parts), [link for part in parts for link in part.links]
    declared = schema.get("type", "")
    words = [declared] if isinstance(declared, str) else list(declared)
    links: list[str] = []
    if "items" in schema and "array" in words:
        item = _schema(document, schema["items"])
        words[words.index("array")] = f"array of {item.type_text}"
        links += item.links
    text = " | ".join(word for word in words if word)
    return (f"{text} ({schema['format']})" if "format" in schema else text), links


def _notes(schema: Node) -> Iterator[str]:
    for key, form in _BOUNDS:
        if key in schema:
            yield form.format(schema[key] if key == "pattern" else _compact(schema[key]))
    if "enum" in schema:
        yield " | ".join(_compact(value) for value in schema["enum"])


def _security_text(scheme: Node) -> str:
    kind = " ".join(str(scheme[key]) for key in ("type", "scheme", "in", "name") if key in scheme)
    described = str(scheme.get("description", ""))
    return f"{kind}: {described}" if described else kind


def _resolve(document: Node, node: Node) -> Node:
    """Follow `#/…` references. One that leads nowhere, or round in a circle, is an empty node."""
    for _ in range(_REFERENCE_HOPS_MAX):
        reference = node.get("$ref")
        if not isinstance(reference, str):
            return node
        target: Any = document if reference.startswith("#/") else {}
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            target = target.get(name, {}) if isinstance(target, Mapping) else {}
        node = target if isinstance(target, Mapping) else {}
    return {}


def _node(holder: Node, key: str) -> Node:
    found = holder.get(key)
    return found if isinstance(found, Mapping) else {}


def _nodes(found: object) -> list[Node]:
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, Sequence) else []


def _indented(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
