"""Banks over ISO 8583, 1987 and 1993: the codec, our link to a bank, and the bank's side for the simulator."""

from chuanliu.connectors.iso8583.connector_client import Iso8583Connector, LinkSettings, not_sent
from chuanliu.connectors.iso8583.conversation import Acquirer
from chuanliu.connectors.iso8583.dialect import DIALECT_1987, DIALECT_1993, DIALECTS, Dialect
from chuanliu.connectors.iso8583.face_simulator import Iso8583Face
from chuanliu.connectors.iso8583.link_client import LinkCounters

__all__ = [
    "DIALECTS",
    "DIALECT_1987",
    "DIALECT_1993",
    "Acquirer",
    "Dialect",
    "Iso8583Connector",
    "Iso8583Face",
    "LinkCounters",
    "LinkSettings",
    "not_sent",
]
