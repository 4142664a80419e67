"""The baseline's web application: FastAPI on uvicorn workers, a pooled asynchronous engine in each."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header, HTTPException, status
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from chuanliu.bench.baseline.payment_store import PaymentRefused, pay
from chuanliu.bench.baseline.tables import Merchant, Order
from chuanliu.errors import Invalid
from chuanliu.money import parse_amount

DATABASE_VARIABLE = "CHUANLIU_BASELINE_DATABASE_URL"
POOL_VARIABLE = "CHUANLIU_BASELINE_POOL"


class Amount(BaseModel):
    """Decimal text and currency, as on the platform's native wire."""

    currency: Annotated[str, Field(pattern="^CNY$")]
    value: Annotated[str, Field(max_length=16)]


class PaymentRequest(BaseModel):
    """A payment by code."""

    payment_code: Annotated[str, Field(pattern="^[0-9]{16,24}$")]
    amount: Amount
    subject: Annotated[str, Field(min_length=1, max_length=256)]


class PaymentAnswer(BaseModel):
    """The payment as the merchant sees it."""

    order_id: str
    payment_id: str | None
    reference: str
    status: str
    amount: Amount


def create_app(database_url: str, pool_size: int) -> FastAPI:
    """The application on a database. Merchants' keys are read once, when a worker starts."""
    engine = create_async_engine(database_url, pool_size=pool_size, max_overflow=0, pool_timeout=30)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    merchants: dict[bytes, Merchant] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with sessions() as session:
            merchants.update({one.api_key_sha256: one for one in await session.scalars(select(Merchant))})
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None)

    @app.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/payments", status_code=status.HTTP_201_CREATED)
    async def create_payment(
        body: PaymentRequest,
        authorization: Annotated[str, Header()],
        idempotency_key: Annotated[str, Header(max_length=64)],
    ) -> PaymentAnswer:
        merchant = merchants.get(sha256(authorization.removeprefix("Bearer ").encode()).digest())
        if merchant is None:
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, "api_key_invalid")
        try:
            amount_minor = parse_amount(body.amount.value)
        except Invalid as invalid:
            raise HTTPException(status.HTTP_400_BAD_REQUEST, invalid.code) from None
        async with sessions() as session:
            try:
                paid = await pay(session, merchant, idempotency_key, int(body.payment_code), amount_minor, body.subject)
            except PaymentRefused as refused:
                raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(refused)) from None
            except IntegrityError:
                await session.rollback()
                return await _repeated(session, merchant, idempotency_key, amount_minor, body)
        return _answer(paid.order_id, paid.payment_id, idempotency_key, body)

    return app


async def _repeated(
    session: AsyncSession, merchant: Merchant, reference: str, amount_minor: int, body: PaymentRequest
) -> PaymentAnswer:
    found = await session.scalar(
        select(Order).where(Order.merchant_id == merchant.merchant_id, Order.out_trade_no == reference)
    )
    if found is None or found.amount_minor != amount_minor:
        raise HTTPException(status.HTTP_409_CONFLICT, "idempotency_conflict")
    return _answer(found.order_id, None, reference, body)


def _answer(order_id: int, payment_id: int | None, reference: str, body: PaymentRequest) -> PaymentAnswer:
    return PaymentAnswer(
        order_id=str(order_id),
        payment_id=None if payment_id is None else str(payment_id),
        reference=reference,
        status="TRADE_SUCCESS",
        amount=body.amount,
    )


def app_from_environment() -> FastAPI:
    """What each uvicorn worker calls."""
    return create_app(os.environ[DATABASE_VARIABLE], int(os.environ[POOL_VARIABLE]))


def main() -> None:
    """Serve on loopback: the arguments are port and number of workers."""
    uvicorn.run(
        "chuanliu.bench.baseline.app_server:app_from_environment",
        factory=True,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        workers=int(sys.argv[2]),
        log_level="warning",
        access_log=False,
        backlog=1024,
    )
