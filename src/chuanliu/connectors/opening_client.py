"""Which client speaks to a bank: the connector's name and the endpoint, as a lender's product has them."""

from __future__ import annotations

from typing import Final

from chuanliu.connectors.bank_client import BankConnector
from chuanliu.connectors.credit_pay import PROTOCOL as CREDIT_PAY
from chuanliu.connectors.credit_pay import CreditPayConnector, CreditPayLimits, CreditPayParties
from chuanliu.connectors.iso8583 import DIALECTS, Iso8583Connector, LinkSettings
from chuanliu.errors import Invalid

_PORT_MAX: Final = 65_535


def open_connector(
    connector: str,
    endpoint: str,
    settings: LinkSettings | None = None,
    *,
    parties: CreditPayParties | None = None,
    limits: CreditPayLimits | None = None,
) -> BankConnector:
    """The client of a bank: `iso8583-1987` or `iso8583-1993` with `host:port`, `credit-pay` with a URL and `parties`.

    Nothing is connected yet. Raises `Invalid(invalid_parameter)` naming what is wrong.
    """
    if connector in DIALECTS:
        return Iso8583Connector(DIALECTS[connector], *host_and_port(endpoint), settings)
    if connector == CREDIT_PAY:
        if parties is None:
            raise Invalid("invalid_parameter", "credit pay needs keys of both sides", field="parties")
        return CreditPayConnector(endpoint, parties, limits)
    raise Invalid("invalid_parameter", f"no such connector: {connector}", field="connector")


def host_and_port(endpoint: str) -> tuple[str, int]:
    """Read `host:port`, an IPv6 address in brackets. Raises `Invalid(invalid_parameter)`."""
    host, _, port = endpoint.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not bare or (":" in bare and bare == host) or not (port.isascii() and port.isdecimal()):
        raise Invalid("invalid_parameter", "an endpoint is host:port", field="endpoint")
    if not 1 <= int(port) <= _PORT_MAX:
        raise Invalid("invalid_parameter", "a port is 1 to 65535", field="endpoint")
    return bare, int(port)
