import pytest

from chuanliu.notifications import alipay_acknowledged, native_acknowledged


@pytest.mark.parametrize(
    ("status", "body", "alipay", "native"),
    [
        (200, b"success", True, True),
        (200, b" success\r\n", True, True),
        (200, b"SUCCESS", False, True),
        (200, b"success!", False, True),
        (200, b"", False, True),
        (201, b"success", False, True),
        (204, b"", False, True),
        (302, b"success", False, False),
        (500, b"success", False, False),
    ],
)
def test_what_counts_as_taken(status: int, body: bytes, alipay: bool, native: bool) -> None:
    assert alipay_acknowledged(status, body) is alipay
    assert native_acknowledged(status, body) is native
