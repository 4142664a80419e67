"""Where a response ends, and requests made from templates."""

import pytest

from chuanliu.bench.alipay_requests import alipay_template
from chuanliu.bench.http_framing import INCOMPLETE, UnframedResponse, response_length
from chuanliu.bench.target import native_rows, native_template

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (WHOLE, len(WHOLE)),
        (WHOLE + b"HTTP/1.1 200", len(WHOLE)),
        (WHOLE.replace(b"content-length", b"Content-Length"), len(WHOLE)),
        (b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n", 46),
        (b"", INCOMPLETE),
        *[(WHOLE[:cut], INCOMPLETE) for cut in range(1, len(WHOLE))],
    ],
)
def test_where_a_response_ends(data: bytes, length: int) -> None:
    assert response_length(data) == length


def test_a_response_without_length_cannot_be_framed() -> None:
    with pytest.raises(UnframedResponse, match="chunked"):
        response_length(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")


def test_a_native_request_has_the_length_that_it_states() -> None:
    line = next(native_rows(["sk_one", "sk_two"], ["281234567890123456"], "run"))
    request = native_template(18, "127.0.0.1:8080") % tuple(line[:-1].split(b"\t"))
    assert request.startswith(b"POST /v1/payments HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nauthorization: Bearer sk_one\r\n")
    assert b'"payment_code":"281234567890123456"' in request
    assert response_length(request) == len(request)


def test_rows_go_round_the_merchants_and_never_repeat_a_reference() -> None:
    rows = [line.decode().split("\t") for line in native_rows(["a", "b", "c"], map(str, range(7)), "run")]
    assert [key for key, _, _ in rows] == ["a", "b", "c", "a", "b", "c", "a"]
    assert len({reference for _, reference, _ in rows}) == 7


def test_the_alipay_template_takes_query_length_and_body() -> None:
    request = alipay_template("h") % (b"app_id=1", b"3", b"a=b")
    assert request.startswith(b"POST /gateway.do?app_id=1 HTTP/1.1\r\n")
    assert response_length(request) == len(request)
