"""Where notifications may go: rules for a URL, and rules for the addresses that its name turns out to have."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import quote, urlsplit

from chuanliu.errors import Refused

URL_LENGTH_MAX: Final = 2048
PORTS_BELOW_1024: Final = frozenset({80, 443})

IPAddress = IPv4Address | IPv6Address

# Ranges of the owner's own machines and networks: what the sandbox needs and nobody else may reach.
_OWN_V4: Final = tuple(map(IPv4Network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_OWN_V6: Final = tuple(map(IPv6Network, ("::1/128", "fc00::/7")))

# IANA special-purpose registries (RFC 6890 and updates) less the above; cloud metadata services are link-local.
_SPECIAL_V4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",
            "169.254.0.0/16",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_SPECIAL_V6: Final = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
_NAT64: Final = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class DestinationPolicy:
    """`own_networks_allowed` lets the sandbox notify loopback and private addresses, on any port."""

    own_networks_allowed: bool = False

    def parse(self, url: str) -> Destination:
        """Read a URL that a merchant gave. Raises `Refused(destination_refused)` that says what is wrong with it.

        A host that is written as an address is judged here as well; names are judged by `allows` once resolved.
        """
        if len(url) > URL_LENGTH_MAX:
            raise _refused(f"the URL is longer than {URL_LENGTH_MAX} characters")
        if any(character <= " " or character in "\\\x7f" for character in url):
            raise _refused("the URL contains white space, control characters or backslashes")
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").encode("idna").decode("ascii").removesuffix(".")
            port = parts.port
        except ValueError:
            raise _refused("the URL is malformed") from None
        if parts.scheme not in ("http", "https"):
            raise _refused("the URL must begin with http:// or https://")
        if "@" in parts.netloc:
            raise _refused("the URL must not contain a user name or password")
        if not host:
            raise _refused("the URL has no host")
        if port is None:
            port = 443 if parts.scheme == "https" else 80
        if not (port in PORTS_BELOW_1024 or port >= 1024 or (self.own_networks_allowed and port > 0)):
            raise _refused("ports below 1024 other than 80 and 443 are not allowed")
        address = _address_or_none(host)
        if address is not None and not self.allows(address):
            raise _refused("the address is not a public one")
        target = quote(parts.path or "/", safe=_AS_IT_IS) + (
            f"?{quote(parts.query, safe=_AS_IT_IS)}" if parts.query else ""
        )
        return Destination(parts.scheme, host, port, target)

    def allows(self, address: IPAddress) -> bool:
        """Whether a resolved address may be connected to.

        Never multicast, unspecified, link-local, shared (100.64.0.0/10), documentation or reserved ranges; loopback
        and private ones only with `own_networks_allowed`. IPv6 forms that carry an IPv4 address (mapped, 6to4, NAT64)
        are judged by what they carry.
        """
        if isinstance(address, IPv6Address):
            carried = _carried_v4(address)
            if carried is not None:
                return self.allows(carried)
            if any(address in network for network in _OWN_V6):
                return self.own_networks_allowed
            return address in _GLOBAL_V6 and not any(address in network for network in _SPECIAL_V6)
        if any(address in network for network in _OWN_V4):
            return self.own_networks_allowed
        return not any(address in network for network in _SPECIAL_V4)


_AS_IT_IS: Final = "!#$%&'()*+,/:;=?@[]~"


@dataclass(frozen=True, slots=True)
class Destination:
    """A checked URL in parts. `host` is an ASCII name or an address without brackets; `target` path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def key(self) -> str:
        """What limits and breakers are kept for: one listening socket by name."""
        return f"{self.host}:{self.port}"

    @property
    def address(self) -> IPAddress | None:
        """The host, where it is written as an address."""
        return _address_or_none(self.host)


def _refused(reason: str) -> Refused:
    return Refused("destination_refused", f"The destination is not allowed: {reason}.", field="url")


def _address_or_none(host: str) -> IPAddress | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _carried_v4(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour
