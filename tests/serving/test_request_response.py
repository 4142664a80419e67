import json

import pytest

from chuanliu.errors import (
    CODES,
    Busy,
    ChuanliuError,
    Conflict,
    Invalid,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
)
from chuanliu.serving import KnownPeer, Request, Response, content_security_policy, status_of


@pytest.mark.parametrize(
    ("peer", "client"),
    [("10.0.0.1:4711", "10.0.0.1"), ("[2001:db8::1]:4711", "2001:db8::1"), ("", "")],
)
def test_the_client_is_an_address_without_its_port(peer: str, client: str) -> None:
    assert Request("GET", "/", peer=KnownPeer(peer)).client == client


def test_an_absolute_target_overrides_the_host_header() -> None:
    headers = {"host": "a.example"}
    assert Request("GET", "/", headers=headers).host == "a.example"
    assert Request("GET", "/", headers=headers, peer=KnownPeer(authority="b.example:81")).host == "b.example:81"


@pytest.mark.parametrize(
    ("content_type", "media_type", "charset"),
    [
        ("application/json", "application/json", ""),
        ("Application/X-WWW-Form-Urlencoded; Charset=GBK", "application/x-www-form-urlencoded", "gbk"),
        ('text/html; a=b; charset="utf-8"', "text/html", "utf-8"),
        ("", "", ""),
    ],
)
def test_content_type_comes_apart(content_type: str, media_type: str, charset: str) -> None:
    request = Request("POST", "/", headers={"content-type": content_type})
    assert (request.media_type, request.charset) == (media_type, charset)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refused("order_closed"), 422),
        (Invalid("invalid_amount", field="amount"), 400),
        (Invalid("body_too_large"), 413),
        (Invalid("unsupported_media_type"), 415),
        (Unauthenticated("api_key_missing"), 401),
        (NotFound("order_not_found"), 404),
        (Conflict("idempotency_conflict"), 409),
        (Busy(), 429),
        (Unavailable(), 503),
        (ChuanliuError("internal", trace_id="t"), 500),
    ],
)
def test_every_class_of_error_is_a_problem_with_a_status(error: ChuanliuError, status: int) -> None:
    response = Response.problem(error)
    assert response.status == status_of(error) == status
    assert response.header("content-type") == "application/problem+json"
    document = json.loads(response.body)
    assert document["type"] == f"urn:chuanliu:error:{error.code}"
    assert document["title"] == CODES[error.code]
    assert (document["status"], document["code"], document["detail"]) == (status, error.code, error.message)
    assert document.get("field") == error.field
    assert document.get("details", {}) == error.details


def test_a_page_may_not_be_framed_sniffed_or_scripted_from_outside() -> None:
    page = Response.html("<p>中")
    assert page.body == "<p>中".encode()
    assert page.header("x-content-type-options") == "nosniff"
    assert "frame-ancestors 'none'" in (page.header("content-security-policy") or "")
    policy = content_security_policy(form_action=["https://shop.example"], script_nonce="n")
    assert "form-action 'self' https://shop.example" in policy
    assert "script-src 'self' 'nonce-n'" in policy


@pytest.mark.parametrize(
    ("location", "sent"),
    [
        ("/a?b=c%20d&e=f#g", "/a?b=c%20d&e=f#g"),
        ("https://shop.example/回?x=中", "https://shop.example/%E5%9B%9E?x=%E4%B8%AD"),
        ("/a\r\nset-cookie: x=y", "/a%0D%0Aset-cookie:%20x=y"),
    ],
)
def test_a_redirect_cannot_break_its_header(location: str, sent: str) -> None:
    response = Response.redirect(location)
    assert (response.status, response.header("location")) == (303, sent)


def test_json_and_headers() -> None:
    response = Response.json({"a": 1}, 201).with_header("x", "y")
    assert (response.status, response.body) == (201, b'{"a":1}')
    assert response.header("x") == "y"
    assert Response.json(b"{}").body == b"{}"
    assert response.header("missing") is None


def test_a_problem_that_quotes_what_is_no_text_can_be_told() -> None:
    told = json.loads(Response.problem(Invalid("invalid_parameter", "`\ud8cc` is not known")).body)
    assert told["detail"] == "`?` is not known"
