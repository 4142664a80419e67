"""The one shape of responses, read back by readers as naive as the SDKs'."""

from __future__ import annotations

import json
import re
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu import crypto
from chuanliu.gateway.alipay import ResponseFrame, response_body, response_frame, response_node, signed_response

PLATFORM = crypto.generate_key_pair()
AES_KEY = b64encode(bytes(range(16))).decode()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text('{}"\\,/签', max_size=12)
MEMBERS = st.dictionaries(
    st.sampled_from(["code", "msg", "subject", "list", "flag"]),
    st.recursive(
        TEXT | st.booleans(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["amount", "name"]), inner),
        max_leaves=6,
    ),
)


def naive_node(text: str, root: str) -> str:
    """What follows the root member up to the matching brace, counting all braces: the least capable reader."""
    start = text.index(f'"{root}":') + len(root) + 3
    depth = 0
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[start : position + 1]
    raise AssertionError("the braces do not match")


@given(members=MEMBERS, codec=st.sampled_from(["utf-8", "gbk", "gb2312", "gb18030"]))
def test_read_back_by_brace_counting_and_by_a_json_reader(members: dict[str, object], codec: str) -> None:
    frame = ResponseFrame(root="alipay_trade_pay_response", codec=codec)
    node = response_node(members, codec)  # type: ignore[arg-type]
    text = response_body(frame, node, "c2ln/+==", "0" * 32).decode(codec)
    assert naive_node(text, frame.root).encode(codec) == node
    assert json.loads(text) == {frame.root: members, "alipay_cert_sn": "0" * 32, "sign": "c2ln/+=="}
    assert re.search(r'\},"alipay_cert_sn":"0{32}","sign":"c2ln/\+=="\}\Z', text)


GOLDEN = [
    ({"code": "10000", "msg": "Success"}, "utf-8", b'{"code":"10000","msg":"Success"}'),
    ({"subject": "}{"}, "utf-8", b'{"subject":"\\u007d\\u007b"}'),
    ({"subject": 'a/b"\\', "n": [{"x": "{"}]}, "utf-8", b'{"subject":"a/b\\"\\\\","n":[{"x":"\\u007b"}]}'),
    ({"subject": "测"}, "utf-8", b'{"subject":"\xe6\xb5\x8b"}'),
    ({"subject": "测"}, "gbk", b'{"subject":"\xb2\xe2"}'),
    ({"subject": "测😀"}, "gbk", b'{"subject":"\xb2\xe2\\ud83d\\ude00"}'),
    ({"subject": "測"}, "gb2312", b'{"subject":"\\u6e2c"}'),
]


@pytest.mark.parametrize(("members", "codec", "expected"), GOLDEN)
def test_golden_nodes(members: dict[str, str], codec: str, expected: bytes) -> None:
    assert response_node(members, codec) == expected


@pytest.mark.parametrize("sign_type", ["RSA2", "RSA"])
def test_signature_is_over_the_bytes_of_the_node(sign_type: crypto.SignType) -> None:
    frame = ResponseFrame("alipay_trade_query_response", "gbk", sign_type)
    body = signed_response(frame, {"code": "10000", "subject": "测试{"}, PLATFORM.private)
    node, _, rest = body.removeprefix(b'{"alipay_trade_query_response":').partition(b',"sign":"')
    assert crypto.verify(node, rest.removesuffix(b'"}').decode(), PLATFORM.public, sign_type)


def test_encrypted_node_is_signed_with_its_quotes() -> None:
    frame = ResponseFrame("alipay_trade_pay_response")
    body = json.loads(signed_response(frame, {"code": "10000"}, PLATFORM.private, encrypt_key=AES_KEY))
    cipher_text = body["alipay_trade_pay_response"]
    assert crypto.decrypt_content(cipher_text, AES_KEY) == b'{"code":"10000"}'
    assert crypto.verify(f'"{cipher_text}"'.encode(), body["sign"], PLATFORM.public)


@pytest.mark.parametrize(
    ("raw", "frame"),
    [
        ({}, ResponseFrame()),
        ({b"method": b"alipay.trade.pay"}, ResponseFrame("alipay_trade_pay_response")),
        ({b"method": b"no.such.method", b"charset": b"GBK"}, ResponseFrame("no_such_method_response", "gbk")),
        ({b"method": b'x":1', b"charset": b"klingon"}, ResponseFrame()),
        ({b"method": b"a" * 200}, ResponseFrame()),
        ({b"method": b"\xff", b"charset": b"\xff", b"sign_type": b"RSA"}, ResponseFrame(sign_type="RSA")),
        ({b"method": b"a.b", b"charset": b"UTF-8", b"sign_type": b"MD5"}, ResponseFrame("a_b_response")),
    ],
)
def test_every_request_has_a_frame(raw: dict[bytes, bytes], frame: ResponseFrame) -> None:
    assert response_frame(raw) == frame
    assert frame.content_type == f"text/html;charset={frame.codec}"
