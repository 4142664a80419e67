"""How operations reach the engine: straight, or under an `Idempotency-Key` whose answer is stored."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar

import msgspec

from chuanliu.crypto import SEAL_RANDOMNESS
from chuanliu.engine import Command
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.idempotent import Idempotent
from chuanliu.gateway.native.operation import Answer, Call
from chuanliu.gateway.native.rendering import canonical

Outcome = TypeVar("Outcome")


async def submit(
    services: Services, call: Call, operation: str, command: Command[Outcome], render: Callable[[Outcome], Answer]
) -> Answer:
    """Run a command. With a key, the stored answer of its first run is given again.

    Operations whose row is the record of its number come here with a key only where the body has another number.
    """
    if call.key is None:
        return render(await services.engine.submit(command))
    return await services.engine.submit(
        Idempotent(command, render, call.merchant_id, operation, call.key, identity_of(call))
    )


async def submit_secret(
    services: Services, call: Call, operation: str, command: Command[Outcome], render: Callable[[Outcome], Answer]
) -> Answer:
    """As `submit`, for an answer that shows a secret: it is stored sealed."""
    if call.key is None:
        return render(await services.engine.submit(command))
    vault = services.vault
    context = f"idempotency/{call.merchant_id}/{operation}/{call.key}"
    randomness = secrets.token_bytes(SEAL_RANDOMNESS)
    return await services.engine.submit(
        Idempotent(
            command,
            render,
            call.merchant_id,
            operation,
            call.key,
            identity_of(call),
            conceal=lambda body: vault.seal(body, context, randomness),
            reveal=lambda sealed: vault.open(sealed, context),
        )
    )


def identity_of(call: Call) -> dict[str, str]:
    """What of a request must be the same when its key comes again: path parameters and every field of the body."""
    fields = dict(call.params)
    if call.body is not None:
        fields |= {name: canonical(value) for name, value in msgspec.structs.asdict(call.body).items()}
    return fields
