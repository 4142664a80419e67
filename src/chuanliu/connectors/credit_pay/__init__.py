"""Bank credit pay (信用购): the signed contract `credit-pay/v1`, its client, and simulated banks that serve it."""

from chuanliu.connectors.credit_pay.connector_client import CreditPayConnector, CreditPayLimits, CreditPayParties
from chuanliu.connectors.credit_pay.contract import PROTOCOL
from chuanliu.connectors.credit_pay.face_simulator import CreditPayFace
from chuanliu.connectors.credit_pay.openapi import credit_pay_document
from chuanliu.connectors.credit_pay.signing import SigningKey

__all__ = [
    "PROTOCOL",
    "CreditPayConnector",
    "CreditPayFace",
    "CreditPayLimits",
    "CreditPayParties",
    "SigningKey",
    "credit_pay_document",
]
