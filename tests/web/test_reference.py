"""Reading OpenAPI documents, and the page made of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chuanliu.errors import CODES
from chuanliu.web import Language, ReferenceView, render_reference
from chuanliu.web.openapi_reading import read_document
from chuanliu.web.reference import prose
from web.pages import DOCUMENT, HOSTILE, StrictReader


def test_operations_with_what_their_path_shares() -> None:
    [payments, other] = read_document(DOCUMENT).groups
    [read] = payments.operations
    [void] = other.operations
    assert (payments.name, other.name) == ("payments", "")
    assert (read.verb, read.path, read.summary) == ("get", "/v1/payments/{id}", "Read a payment")
    assert [(p.name, p.place, p.required) for p in read.parameters] == [("id", "path", True)]
    assert void.parameters == read.parameters
    assert void.deprecated
    assert [(r.status, r.failed) for r in read.responses] == [("200", False), ("404", True)]


def test_bodies_are_opened_and_name_their_schema() -> None:
    [payments, _] = read_document(DOCUMENT).groups
    [body] = payments.operations[0].responses[0].bodies
    assert body.schema.links[0] == "Payment"
    shown = [(field.name, field.schema.type_text, field.required) for field in body.schema.fields]
    assert shown == [
        ("id", "string", True),
        ("amount", "Amount", False),
        ("legs", "array of object", False),
        ("next", "Payment | null", False),
    ]
    assert body.schema.fields[0].schema.notes == ("length ≤ 19",)
    assert body.schema.fields[2].schema.fields[0].name == "[].no"
    assert body.examples == ('{\n  "id": "42"\n}',)


def test_circles_and_lost_references_end() -> None:
    schemas = dict(read_document(DOCUMENT).schemas)
    assert schemas["Circle"].type_text == "any"
    assert schemas["Lost"].links == ()
    assert schemas["Bare"].type_text == "array of any"


def test_the_page_lists_operations_schemas_and_all_error_codes() -> None:
    for language in Language:
        read = StrictReader(render_reference(ReferenceView(language, "/reference", DOCUMENT, "/openapi.json")))
        assert all(code in read.words for code in CODES)
        ids = {given_["id"] for _, given_ in read.elements if "id" in given_}
        assert {"operation-get-v1-payments--id", "schema-Payment", "errors"} <= ids


def test_an_empty_document_is_a_page() -> None:
    page = render_reference(ReferenceView(Language.EN, "/reference", {}, "/openapi.json"))
    assert StrictReader(page).faults == []


def test_prose_marks_code_and_escapes_the_rest() -> None:
    assert prose("One `a<b`.\n\nTwo.") == "<p>One <code>a&lt;b</code>.</p><p>Two.</p>"
    assert "<script>" not in prose(HOSTILE)


_NAMES = st.sampled_from(["A", "B", "C"])
_LEAVES = st.one_of(
    st.builds(lambda name: {"$ref": f"#/components/schemas/{name}"}, _NAMES),
    st.sampled_from([{}, {"type": "string"}, {"type": ["integer", "null"], "minimum": 1}, {"const": None}]),
)
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda item: {"type": "array", "items": item}, inner),
        st.builds(lambda fields: {"type": "object", "properties": fields}, st.dictionaries(_NAMES, inner, max_size=3)),
        st.builds(lambda parts: {"allOf": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda choices: {"oneOf": choices}, st.lists(inner, max_size=3)),
    ),
    max_leaves=12,
)


@given(st.dictionaries(_NAMES, _SCHEMAS))
def test_any_web_of_schemas_can_be_read(schemas: dict[str, object]) -> None:
    document = read_document({"components": {"schemas": schemas}})
    assert [name for name, _ in document.schemas] == list(schemas)
    assert {link for _, schema in document.schemas for link in schema.links} <= set(schemas)
