from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.errors import Invalid
from chuanliu.serving import Request, codec_of, cookie_text, parse_cookies, parse_form


@pytest.mark.parametrize(
    ("raw", "charset", "pairs"),
    [
        (b"", "utf-8", []),
        (b"a=1&b=2", "utf-8", [("a", "1"), ("b", "2")]),
        (b"a=&b&=c&&", "utf-8", [("a", ""), ("b", ""), ("", "c")]),
        (b"a=x+y%2Bz%20w", "utf-8", [("a", "x y+z w")]),
        (b"a=1=2", "utf-8", [("a", "1=2")]),
        (b"a=100%&b=%zz", "utf-8", [("a", "100%"), ("b", "%zz")]),
        (b"a=%E4%B8%AD", "UTF-8", [("a", "中")]),
        (b"a=%D6%D0", "GBK", [("a", "中")]),
        (b"a=%D6%D0", "gb2312", [("a", "中")]),
        ("a=中".encode(), "utf-8", [("a", "中")]),
        ("a=中".encode("gbk"), "gbk", [("a", "中")]),
        (b"a=%252B", "utf-8", [("a", "%2B")]),
    ],
)
def test_fields_are_decoded_once_in_their_charset(raw: bytes, charset: str, pairs: list[tuple[str, str]]) -> None:
    assert parse_form(raw, charset) == pairs


@pytest.mark.parametrize(
    ("raw", "charset"),
    [(b"a=%D6%D0", "utf-8"), (b"a=\xff", "utf-8"), (b"a=1", "utf-7"), (b"a=1", "base64"), (b"&" * 1000, "utf-8")],
)
def test_what_cannot_be_read_has_a_code(raw: bytes, charset: str) -> None:
    with pytest.raises(Invalid) as error:
        parse_form(raw, charset)
    assert error.value.code == "invalid_parameter"


def test_a_repeated_field_is_refused_by_name() -> None:
    with pytest.raises(Invalid) as error:
        Request("POST", "/", body=b"amount=1&b=2&amount=3").form()
    assert error.value.field == "amount"


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(alphabet="中文ab &=+%"), max_size=9
    )
)
def test_what_a_client_encodes_comes_back(fields: dict[str, str]) -> None:
    for charset in ("utf-8", "gb18030"):
        raw = "&".join(
            f"{quote_plus(n, encoding=charset)}={quote_plus(v, encoding=charset)}" for n, v in fields.items()
        )
        assert Request("POST", "/", body=raw.encode()).form(charset) == fields
        assert Request("GET", "/", raw).query(charset) == fields


@given(st.binary(max_size=200), st.sampled_from(["utf-8", "gbk"]))
def test_any_octets_are_parsed_or_refused(raw: bytes, charset: str) -> None:
    try:
        parse_form(raw, charset)
    except Invalid as error:
        assert error.code == "invalid_parameter"


def test_charset_names_in_any_case() -> None:
    assert codec_of("Gbk") == codec_of("GB18030") == "gb18030"


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1; b=2;c=3", {"a": "1", "b": "2", "c": "3"}),
        ('a="1"; a=2; junk; =x', {"a": "1"}),
        ("a=b=c", {"a": "b=c"}),
    ],
)
def test_cookies_are_read(header: str, cookies: dict[str, str]) -> None:
    assert parse_cookies(header) == cookies
    assert Request("GET", "/", headers={"cookie": header}).cookies() == cookies


def test_cookies_are_written_with_their_guards() -> None:
    assert cookie_text("s", "v", secure=True) == "s=v; path=/; samesite=lax; httponly; secure"
    text = cookie_text("s", "", secure=False, max_age_s=0, path="/a", http_only=False, same_site="strict")
    assert text == "s=; path=/a; samesite=strict; max-age=0"


@pytest.mark.parametrize(
    ("name", "value"), [("", "v"), ("a b", "v"), ("a", "v; domain=x"), ("a", "v\r\nx: y"), ("a", "中")]
)
def test_cookies_cannot_smuggle(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="cookie"):
        cookie_text(name, value, secure=True)
