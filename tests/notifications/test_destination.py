from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.errors import Refused
from chuanliu.notifications import Destination, DestinationPolicy

PUBLIC = DestinationPolicy()
SANDBOX = DestinationPolicy(own_networks_allowed=True)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://shop.example/n", ("https", "shop.example", 443, "/n")),
        ("http://shop.example", ("http", "shop.example", 80, "/")),
        ("HTTP://Shop.Example:8080/a?b=c&d=%20#frag", ("http", "shop.example", 8080, "/a?b=c&d=%20")),
        ("https://shop.example./n", ("https", "shop.example", 443, "/n")),
        ("https://商店.example/通知", ("https", "xn--vhq52x.example", 443, "/%E9%80%9A%E7%9F%A5")),
        ("http://8.8.8.8/n", ("http", "8.8.8.8", 80, "/n")),
        ("http://[2606:4700::1111]:8443/n", ("http", "2606:4700::1111", 8443, "/n")),
    ],
)
def test_good_urls_come_apart(url: str, parts: tuple[str, str, int, str]) -> None:
    if "商店" in url:
        parts = (parts[0], "商店.example".encode("idna").decode(), *parts[2:])
    assert PUBLIC.parse(url) == Destination(*parts)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example/n",
        "//shop.example/n",
        "ftp://shop.example/n",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http:///n",
        "http://user@shop.example/",
        "http://user:pass@shop.example/",
        "http://@shop.example/",
        "http://shop.example:0/",
        "http://shop.example:22/",
        "http://shop.example:25/",
        "http://shop.example:65536/",
        "http://shop.example:port/",
        "http://shop.example/a b",
        "http://shop.example/\r\nhost: other",
        "http://shop.example\\@127.0.0.1/",
        "http://[::1",
        "http://" + "a" * 64 + ".example/",
        "http://shop.example/" + "a" * 2048,
        "http://127.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "http://[::1]:8080/",
    ],
)
def test_bad_urls_are_refused_with_a_code(url: str) -> None:
    with pytest.raises(Refused) as refusal:
        PUBLIC.parse(url)
    assert refusal.value.code == "destination_refused"
    assert refusal.value.field == "url"


def test_the_sandbox_may_use_its_own_machine_on_any_port() -> None:
    assert SANDBOX.parse("http://127.0.0.1:81/n").port == 81
    assert SANDBOX.parse("http://[::1]:8080/n").host == "::1"


@pytest.mark.parametrize(
    ("address", "public", "sandbox"),
    [
        ("1.1.1.1", True, True),
        ("100.63.255.255", True, True),
        ("100.128.0.1", True, True),
        ("2606:4700::1111", True, True),
        ("127.0.0.1", False, True),
        ("127.255.255.254", False, True),
        ("10.1.2.3", False, True),
        ("172.16.0.1", False, True),
        ("172.32.0.1", True, True),
        ("192.168.1.1", False, True),
        ("::1", False, True),
        ("fd00::1", False, True),
        ("::ffff:127.0.0.1", False, True),
        ("64:ff9b::10.0.0.1", False, True),
        ("2002:7f00:1::1", False, True),
        ("::ffff:8.8.8.8", True, True),
        ("64:ff9b::8.8.8.8", True, True),
        ("0.0.0.0", False, False),
        ("169.254.169.254", False, False),
        ("100.64.0.1", False, False),
        ("192.0.2.1", False, False),
        ("198.18.0.1", False, False),
        ("224.0.0.1", False, False),
        ("255.255.255.255", False, False),
        ("::", False, False),
        ("fe80::1", False, False),
        ("fe80::1%eth0", False, False),
        ("ff02::1", False, False),
        ("2001::1", False, False),
        ("2001:db8::1", False, False),
        ("64:ff9b:1::1", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("::ffff:0.0.0.0", False, False),
        ("64:ff9b::100.64.0.1", False, False),
        ("2002:a9fe:a9fe::", False, False),
        ("::7f00:1", False, False),
        ("4000::1", False, False),
    ],
)
def test_which_addresses_may_be_reached(address: str, public: bool, sandbox: bool) -> None:
    assert PUBLIC.allows(ip_address(address)) is public
    assert SANDBOX.allows(ip_address(address)) is sandbox


@given(st.ip_addresses())
def test_no_address_that_python_calls_private_or_special_is_public(address: object) -> None:
    checked = ip_address(str(address))
    if checked.is_private or checked.is_multicast or checked.is_unspecified or checked.is_link_local:
        carried = isinstance(checked, IPv4Address) or (checked.ipv4_mapped is None and checked.sixtofour is None)
        assert not (PUBLIC.allows(checked) and carried)


@given(st.text(max_size=60).map(lambda text: "http://" + text) | st.text(max_size=60))
def test_any_text_is_parsed_or_refused(url: str) -> None:
    try:
        destination = PUBLIC.parse(url)
    except Refused:
        return
    assert destination.target.isascii()
    assert destination.target.startswith("/")
    assert destination.host.isascii()
