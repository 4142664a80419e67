"""How operations reach the engine: straight, or under an `Idempotency-Key` whose answer is stored."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar

import msgspec

from chuanliu.crypto import SEAL_RANDOMNESS
from chuanliu.engine import Command
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.idempotent import Idempotent, Recorded
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
    return (await record(services, call, call.key, operation, command, render)).answer


async def record(
    services: Services,
    call: Call,
    key: str,
    operation: str,
    command: Command[Outcome],
    render: Callable[[Outcome], Answer],
) -> Recorded:
    """Run a command under a key, and say whether this was its first run."""
    return await services.engine.submit(
        Idempotent(command, render, call.merchant_id, operation, key, identity_of(call))
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
    recorded = await services.engine.submit(
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
    return recorded.answer


def identity_of(call: Call) -> dict[str, str]:
    """What of a request must be the same when its key comes again: path parameters and every field of the body."""
    fields = dict(call.params)
    if call.body is not None:
        fields |= {name: canonical(value) for name, value in msgspec.structs.asdict(call.body).items()}
    return fields
