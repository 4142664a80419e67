"""The control port of simulated banks: their faults, their declines and their books. On loopback only."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec

from chuanliu.connectors.bank_simulator import BankSimulator
from chuanliu.connectors.faults import FaultPlan
from chuanliu.errors import Invalid
from chuanliu.serving import Application, Request, Response, Router

_T = TypeVar("_T")


class CardDecline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A card that is declined with a code of ISO 8583:1987 from now on; with null, no longer.

    Named by its number, its account, or the fingerprint that the book shows.
    """

    pan: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    account: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    holder: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    code: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Z]{2}$")] | None = None

    def __repr__(self) -> str:
        return f"CardDecline({self.code})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("code", self.code)]


def control_application(simulator: BankSimulator) -> Application:
    """The control port's routes, as docs/banks-iso8583.md lists them."""
    router = Router()

    async def list_banks(_request: Request) -> Response:
        return Response.json([_document(simulator, code) for code in simulator.banks])

    async def show_faults(request: Request) -> Response:
        return Response.json(simulator.bank(request.path_params["code"]).faults)

    async def set_faults(request: Request) -> Response:
        code = request.path_params["code"]
        simulator.bank(code)
        await simulator.set_faults(code, _read(request, FaultPlan))
        return Response.json(_document(simulator, code))

    async def set_all_faults(request: Request) -> Response:
        plan = _read(request, FaultPlan)
        for code in simulator.banks:
            await simulator.set_faults(code, plan)
        return Response.json([_document(simulator, code) for code in simulator.banks])

    async def show_book(request: Request) -> Response:
        lines = simulator.bank(request.path_params["code"]).book.lines.values()
        body = msgspec.json.Encoder().encode_lines(lines)
        return Response(200, [("content-type", "application/x-ndjson"), ("cache-control", "no-store")], body)

    async def decline_card(request: Request) -> Response:
        bank = simulator.bank(request.path_params["code"])
        wish = _read(request, CardDecline)
        text = wish.pan or wish.account
        holder = wish.holder if text is None else bank.holder_of(text)
        if holder is None:
            raise Invalid("invalid_parameter", "a card is named by pan, account or holder", field="pan")
        if wish.code is None:
            bank.declines.pop(holder, None)
        else:
            bank.declines[holder] = wish.code
        return Response.json({"holder": holder, "code": wish.code})

    async def healthy(_request: Request) -> Response:
        return Response.json(b'{"status":"ok"}')

    router.add("GET", "/healthz", healthy)
    router.add("GET", "/banks", list_banks)
    router.add("PUT", "/faults", set_all_faults)
    router.add("GET", "/banks/{code}/faults", show_faults)
    router.add("PUT", "/banks/{code}/faults", set_faults)
    router.add("GET", "/banks/{code}/book", show_book)
    router.add("POST", "/banks/{code}/cards", decline_card)
    return Application(router)


def _document(simulator: BankSimulator, code: str) -> dict[str, Any]:
    bank = simulator.banks[code]
    return {
        "code": code,
        "protocol": bank.protocol,
        "port": simulator.ports[code],
        "faults": bank.faults,
        "struck": dict(bank.counts),
        "lines": len(bank.book.lines),
    }


def _read(request: Request, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(request.body, type=kind)
    except msgspec.ValidationError as error:
        raise Invalid("invalid_parameter", str(error)) from None
    except msgspec.DecodeError:
        raise Invalid("invalid_json") from None
