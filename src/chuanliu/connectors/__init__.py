"""Banks over the wire, and simulators that speak the same wire; messages to consumers. Knows no orders or ledgers."""

from chuanliu.connectors.bank import BankAnswer, BankRequest, CallKind, CardData, Verdict
from chuanliu.connectors.bank_book import BankBook, BookLine, Entry, Ruling
from chuanliu.connectors.bank_client import BankConnector
from chuanliu.connectors.bank_control_routes import control_application
from chuanliu.connectors.bank_journal_store import BankJournal
from chuanliu.connectors.bank_simulator import BankFace, BankSimulator
from chuanliu.connectors.breaker import Breaker
from chuanliu.connectors.credit_pay import (
    CreditPayConnector,
    CreditPayLimits,
    CreditPayParties,
    SigningKey,
    credit_pay_document,
)
from chuanliu.connectors.faults import Fault, FaultPlan
from chuanliu.connectors.iso8583 import Acquirer, Iso8583Connector, LinkCounters, LinkSettings, not_sent
from chuanliu.connectors.messages import (
    Channel,
    InAppChannel,
    Message,
    NotDelivered,
    SmtpChannel,
    SmtpServer,
    read_smtp_url,
)
from chuanliu.connectors.opening_client import open_connector
from chuanliu.connectors.simulated_bank import (
    BankListing,
    CreditPayKeys,
    JournalLine,
    SimulatedBank,
    Turn,
    magic_decline,
)

__all__ = [
    "Acquirer",
    "BankAnswer",
    "BankBook",
    "BankConnector",
    "BankFace",
    "BankJournal",
    "BankListing",
    "BankRequest",
    "BankSimulator",
    "BookLine",
    "Breaker",
    "CallKind",
    "CardData",
    "Channel",
    "CreditPayConnector",
    "CreditPayKeys",
    "CreditPayLimits",
    "CreditPayParties",
    "Entry",
    "Fault",
    "FaultPlan",
    "InAppChannel",
    "Iso8583Connector",
    "JournalLine",
    "LinkCounters",
    "LinkSettings",
    "Message",
    "NotDelivered",
    "Ruling",
    "SigningKey",
    "SimulatedBank",
    "SmtpChannel",
    "SmtpServer",
    "Turn",
    "Verdict",
    "control_application",
    "credit_pay_document",
    "magic_decline",
    "not_sent",
    "open_connector",
    "read_smtp_url",
]
