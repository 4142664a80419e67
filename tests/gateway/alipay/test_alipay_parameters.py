"""Merging query and body into raw parameters."""

from __future__ import annotations

from urllib.parse import quote_from_bytes, unquote_to_bytes, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chuanliu.gateway.alipay import GatewayRefused, parse_order_string, parse_parameters, request_sign_string

FORM = "application/x-www-form-urlencoded;charset=utf-8"
NAMES = st.binary(min_size=1, max_size=12)


@given(params=st.dictionaries(NAMES, st.binary(max_size=60), max_size=8), split=st.integers(0, 8))
def test_every_byte_survives_in_query_or_body(params: dict[bytes, bytes], split: int) -> None:
    pairs = [quote_from_bytes(k, "") + "=" + quote_from_bytes(v, "") for k, v in params.items()]
    query, body = "&".join(pairs[:split]).encode(), "&".join(pairs[split:]).encode()
    assert parse_parameters(query, body, FORM) == params


@given(text=st.text(alphabet="%0aF3Dg= \n\r\tx.é", max_size=14))
@example(text="%")
@example(text="%%41")
@example(text="%zz%4")
@example(text="a=%\n41")
def test_escapes_are_decoded_like_the_standard_library(text: str) -> None:
    raw = text.encode()
    assert parse_parameters(b"name=" + raw)[b"name"] == unquote_to_bytes(raw)


def test_blanks_and_chinese() -> None:
    raw = parse_parameters(b"", "a=%E6%B5%8B+%2B&b=测&c&d=".encode(), FORM)
    assert raw == {b"a": "测 +".encode(), b"b": "测".encode(), b"c": b"", b"d": b""}


def multipart(*parts: tuple[str, bytes]) -> bytes:
    return b"".join(b"--B\r\n" + head.encode() + b"\r\n\r\n" + value + b"\r\n" for head, value in parts) + b"--B--\r\n"


def test_multipart_leaves_files_out() -> None:
    body = multipart(
        ('Content-Disposition: form-data; name="biz_content"', b'{"a":"\r\n1"}'),
        ('Content-Disposition: form-data; name="image"; filename="name=x.png"\r\nContent-Type: image/png', b"\x00\xff"),
        ('content-disposition: form-data; name="empty"', b""),
    )
    raw = parse_parameters(b"method=m", body, 'multipart/form-data; boundary="B"')
    assert raw == {b"method": b"m", b"biz_content": b'{"a":"\r\n1"}', b"empty": b""}


@pytest.mark.parametrize(
    ("query", "body", "content_type"),
    [
        (b"a=1&a=1", b"", ""),
        (b"a=1", b"a=1", FORM),
        (b"%61=1&a=2", b"", ""),
        (b"&".join(b"p%d=1" % i for i in range(129)), b"", ""),
        (b"&".join(b"p%d=1" % i for i in range(100)), b"&".join(b"q%d=1" % i for i in range(100)), FORM),
        (b"x" * 129 + b"=1", b"", ""),
        (b"", b"{}", "application/json"),
        (b"", b"x", "multipart/form-data"),
        (b"", b"x", "multipart/form-data; boundary=B"),
        (b"", b"--B\r\nname\r\n--B--", "multipart/form-data; boundary=B"),
        (
            b"",
            multipart(*[(f'Content-Disposition: form-data; name="{i}"', b"") for i in range(200)]),
            "multipart/form-data; boundary=B",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_refused(query: bytes, body: bytes, content_type: str) -> None:
    with pytest.raises(GatewayRefused) as caught:
        parse_parameters(query, body, content_type)
    assert caught.value.answer.code == "40002"


@given(body=st.binary(max_size=200), content_type=st.sampled_from(["", FORM, "multipart/form-data; boundary=B", "é"]))
def test_any_bytes_are_read_or_refused(body: bytes, content_type: str) -> None:
    try:
        parse_parameters(body, b"--B\r\n" + body, content_type)
    except GatewayRefused as refused:
        assert refused.answer.sub_code == "isv.invalid-parameter"


def test_order_string_is_a_form() -> None:
    assert parse_order_string(urlencode({"a": "1 2", "sign": "+/="})) == {b"a": b"1 2", b"sign": b"+/="}


@pytest.mark.parametrize(
    ("keep_empty", "expected"),
    [(False, b"B=2&a=1&sign_type=RSA2"), (True, b"B=2&a=1&e=&sign_type=RSA2")],
)
def test_sign_string(keep_empty: bool, expected: bytes) -> None:
    raw = parse_parameters(b"sign=x&e=&sign_type=RSA2&a=1&B=2")
    assert request_sign_string(raw, keep_empty=keep_empty) == expected


@given(params=st.dictionaries(st.text("abcxyz_", min_size=1), st.text(min_size=1), min_size=1))
def test_sign_string_is_the_sorted_join(params: dict[str, str]) -> None:
    raw = {name.encode(): value.encode() for name, value in params.items()}
    expected = "&".join(f"{name}={params[name]}" for name in sorted(params)).encode()
    assert request_sign_string(raw | {b"sign": b"s", b"zz_empty": b""}) == expected
