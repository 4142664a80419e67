"""One payment in one transaction, through the ORM's unit of work."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chuanliu.bench.baseline.tables import (
    Account,
    Base,
    Delta,
    Entry,
    Merchant,
    Order,
    Outbox,
    Payment,
    PaymentCode,
    PaymentLeg,
    Transfer,
)
from chuanliu.money import Rounding, share_of

PLATFORM_FEES = 1
"""Account of the platform's fees. Merchants' accounts have their merchants' numbers, payers' start at `PAYERS_FROM`."""
PAYERS_FROM = 1_000_000

_IDS = count(secrets.randbelow(2**62))
"""Ids of this worker: one after the other from a place that no other worker begins near."""


class PaymentRefused(Exception):
    """The code is unknown, used or expired, or the balance does not suffice. The argument is the error code."""


class Paid(NamedTuple):
    """Numbers of the order and the payment."""

    order_id: int
    payment_id: int


async def pay(
    session: AsyncSession, merchant: Merchant, reference: str, code: int, amount_minor: int, subject: str
) -> Paid:
    """Take a payment by code and commit it.

    Raises `PaymentRefused`, and SQLAlchemy's `IntegrityError` for a reference that was used before.
    """
    now = datetime.now(UTC)
    found = (
        await session.execute(
            select(PaymentCode, Account)
            .join(Account, Account.account_id == PaymentCode.account_id)
            .where(PaymentCode.code == code)
            .with_for_update()
        )
    ).one_or_none()
    if found is None or found[0].expires_at < now:
        raise PaymentRefused("payment_code_invalid")
    shown, payer = found
    if payer.balance_minor < amount_minor:
        raise PaymentRefused("balance_insufficient")
    fee_minor = share_of(amount_minor, merchant.fee_bps, Rounding.HALF_UP)
    payer.balance_minor -= amount_minor
    payer.entry_count += 1
    await session.delete(shown)
    paid = Paid(order_id=next(_IDS), payment_id=next(_IDS))
    session.add_all(
        [
            Order(
                order_id=paid.order_id,
                merchant_id=merchant.merchant_id,
                out_trade_no=reference,
                subject=subject,
                currency="CNY",
                amount_minor=amount_minor,
                fee_minor=fee_minor,
                status="TRADE_SUCCESS",
                buyer_id=payer.account_id,
                created_at=now,
                expires_at=now + timedelta(minutes=15),
                paid_at=now,
            ),
            *_payment(paid, payer.account_id, amount_minor, now),
            *_postings(paid.payment_id, payer, merchant.merchant_id, amount_minor, fee_minor, now),
            _event(paid.order_id, merchant.merchant_id, reference, amount_minor, now),
        ]
    )
    await session.commit()
    return paid


def _payment(paid: Paid, payer: int, amount_minor: int, now: datetime) -> Iterator[Base]:
    yield Payment(
        payment_id=paid.payment_id,
        order_id=paid.order_id,
        payer_id=payer,
        currency="CNY",
        amount_minor=amount_minor,
        status="SUCCEEDED",
        created_at=now,
        completed_at=now,
    )
    yield PaymentLeg(
        payment_id=paid.payment_id,
        leg_no=1,
        method="balance",
        account_id=payer,
        amount_minor=amount_minor,
        status="CAPTURED",
    )


def _event(order_id: int, merchant: int, reference: str, amount_minor: int, now: datetime) -> Outbox:
    payload = json.dumps({"out_trade_no": reference, "amount_minor": amount_minor, "status": "TRADE_SUCCESS"})
    return Outbox(
        event_id=next(_IDS),
        merchant_id=merchant,
        kind="payment.succeeded",
        subject_id=order_id,
        payload=payload.encode(),
        created_at=now,
    )


def _postings(
    payment_id: int, payer: Account, merchant: int, amount_minor: int, fee_minor: int, now: datetime
) -> Iterator[Base]:
    sale, fee = next(_IDS), next(_IDS)
    yield Transfer(
        transfer_id=sale,
        debit_account_id=payer.account_id,
        credit_account_id=merchant,
        amount_minor=amount_minor,
        kind="payment",
        subject_id=payment_id,
        posted_at=now,
    )
    yield Entry(
        account_id=payer.account_id,
        seq=payer.entry_count,
        transfer_id=sale,
        amount_minor=-amount_minor,
        balance_minor=payer.balance_minor,
    )
    yield Delta(account_id=merchant, transfer_id=sale, amount_minor=amount_minor)
    if fee_minor > 0:
        yield Transfer(
            transfer_id=fee,
            debit_account_id=merchant,
            credit_account_id=PLATFORM_FEES,
            amount_minor=fee_minor,
            kind="fee",
            subject_id=payment_id,
            posted_at=now,
        )
        yield Delta(account_id=merchant, transfer_id=fee, amount_minor=-fee_minor)
        yield Delta(account_id=PLATFORM_FEES, transfer_id=fee, amount_minor=fee_minor)
