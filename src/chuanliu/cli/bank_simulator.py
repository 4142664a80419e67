"""`chuanliu bank-simulator`: banks that are not there, on real sockets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from chuanliu.connectors import BankListing, BankSimulator, control_application
from chuanliu.errors import Invalid
from chuanliu.runtime import stop_on_signals
from chuanliu.serving import serve


def bank_simulator(
    bank: Annotated[
        list[str] | None,
        typer.Option("--bank", help="A bank; may be given again.", metavar="CODE=PORT:PROTOCOL"),
    ] = None,
    banks: Annotated[
        Path | None,
        typer.Option("--banks", help="JSON file: a list of objects with code, protocol, port, faults, credit_pay."),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address that the banks listen on.")] = "127.0.0.1",
    control_port: Annotated[
        int, typer.Option("--control-port", min=0, max=65535, help="Port of the control API, on loopback.")
    ] = 0,
    journal: Annotated[
        Path | None, typer.Option("--journal", help="File in which the books outlive a restart.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Draw the same faults again.")] = None,
) -> None:
    """Simulate banks: each on a port of its own, with books, and with faults that the control API changes.

    Protocols: iso8583-1987, iso8583-1993, and credit-pay, which needs its keys from --banks. Port 0 takes a free one.
    Once everything listens, one JSON object says where.
    """
    import uvloop  # noqa: PLC0415 - only this command waits for it

    listings = [*(_read_file(banks) if banks is not None else ()), *map(_read_option, bank or ())]
    if not listings:
        raise Invalid("invalid_parameter", "no bank: give --bank or --banks", field="bank")
    uvloop.run(_simulate(BankSimulator(listings, host=host, seed=seed, journal=journal), control_port))


async def _simulate(simulator: BankSimulator, control_port: int) -> None:
    stop = stop_on_signals()

    def ready(port: int) -> None:
        banks = {
            code: {"port": simulator.ports[code], "protocol": one.protocol} for code, one in simulator.banks.items()
        }
        typer.echo(msgspec.json.encode({"ready": True, "control_port": port, "banks": banks}).decode())

    try:
        await simulator.start()
        await serve(control_application(simulator), "127.0.0.1", control_port, stop=stop, on_listening=ready)
    except OSError as error:
        raise Invalid("invalid_parameter", f"cannot listen: {error.strerror or error}", field="port") from None
    finally:
        await simulator.close()


def _read_file(path: Path) -> Sequence[BankListing]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[BankListing])
    except OSError as error:
        raise Invalid("invalid_parameter", f"{path}: {error.strerror}", field="banks") from None
    except msgspec.MsgspecError as error:
        raise Invalid("invalid_parameter", f"{path}: {error}", field="banks") from None


def _read_option(text: str) -> BankListing:
    code, _, rest = text.partition("=")
    port, _, protocol = rest.partition(":")
    try:
        return msgspec.convert({"code": code, "port": int(port), "protocol": protocol}, BankListing)
    except ValueError as error:
        message = str(error) if isinstance(error, msgspec.ValidationError) else "a bank is CODE=PORT:PROTOCOL"
        raise Invalid("invalid_parameter", f"{text}: {message}", field="bank") from None
