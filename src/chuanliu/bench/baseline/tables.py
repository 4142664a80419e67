"""The baseline's tables as ORM classes, with the keys and indexes of the platform's tables.

Ids are made by the application and no foreign keys are declared, as on the platform: both spare the baseline work.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Key = Annotated[int, mapped_column(primary_key=True, autoincrement=False)]
"""A number that the application makes, or a part of a key."""


class Base(DeclarativeBase):
    """Python types as PostgreSQL columns: integers are bigint, instants carry their zone."""

    type_annotation_map = {int: BigInteger, str: Text, bytes: LargeBinary, datetime: TIMESTAMP(timezone=True)}  # noqa: RUF012


class Merchant(Base):
    """Who sells, with the hash of its API key. Read once at the start of each worker."""

    __tablename__ = "merchant"
    merchant_id: Mapped[Key]
    api_key_sha256: Mapped[bytes]
    fee_bps: Mapped[int]


class Account(Base):
    """A payer's balance; may not fall below zero."""

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("balance_minor >= 0"), {"postgresql_with": {"fillfactor": 70}})
    account_id: Mapped[Key]
    balance_minor: Mapped[int]
    entry_count: Mapped[int]


class PaymentCode(Base):
    """What a wallet shows; deleted when used."""

    __tablename__ = "payment_code"
    __table_args__ = (Index("payment_code_expiry", "expires_at"),)
    code: Mapped[Key]
    account_id: Mapped[int]
    expires_at: Mapped[datetime]


class Order(Base):
    """What the merchant sells, unique by its own reference."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("merchant_id", "out_trade_no"),
        Index("orders_due", "expires_at", postgresql_where=text("status = 'WAIT_BUYER_PAY'")),
    )
    order_id: Mapped[Key]
    merchant_id: Mapped[int]
    out_trade_no: Mapped[str]
    subject: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    fee_minor: Mapped[int]
    status: Mapped[str]
    buyer_id: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    paid_at: Mapped[datetime]


class Payment(Base):
    """One attempt of one payer."""

    __tablename__ = "payment"
    payment_id: Mapped[Key]
    order_id: Mapped[int]
    payer_id: Mapped[int]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    status: Mapped[str]
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime]


class PaymentLeg(Base):
    """One funding method's part."""

    __tablename__ = "payment_leg"
    payment_id: Mapped[Key]
    leg_no: Mapped[Key]
    method: Mapped[str]
    account_id: Mapped[int]
    amount_minor: Mapped[int]
    status: Mapped[str]


class Transfer(Base):
    """An amount from a debit to a credit account."""

    __tablename__ = "transfer"
    transfer_id: Mapped[Key]
    debit_account_id: Mapped[int]
    credit_account_id: Mapped[int]
    amount_minor: Mapped[int] = mapped_column(CheckConstraint("amount_minor > 0"))
    kind: Mapped[str]
    subject_id: Mapped[int]
    posted_at: Mapped[datetime]


class Entry(Base):
    """The payer's side of a transfer with the running balance."""

    __tablename__ = "entry"
    account_id: Mapped[Key]
    seq: Mapped[Key]
    transfer_id: Mapped[int]
    amount_minor: Mapped[int]
    balance_minor: Mapped[int]


class Delta(Base):
    """The side of a transfer on an account that every payment touches; added up later, so that none becomes a queue."""

    __tablename__ = "delta"
    account_id: Mapped[Key]
    transfer_id: Mapped[Key]
    amount_minor: Mapped[int]


class Outbox(Base):
    """An event for the merchant, in the payment's transaction."""

    __tablename__ = "outbox"
    event_id: Mapped[Key]
    merchant_id: Mapped[int]
    kind: Mapped[str]
    subject_id: Mapped[int]
    payload: Mapped[bytes]
    created_at: Mapped[datetime]
