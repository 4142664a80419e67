"""What provides units, behind one interface: processes of this machine, or pods of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from chuanliu.elastic.fleet import Fleet, Order
from chuanliu.elastic.units import Seen


class Provider(Protocol):
    """Each call takes effect later: what becomes of it is seen. All may be repeated."""

    def seen(self) -> Mapping[str, Seen]:
        """All units there are, by the names that `ask` gave or the provider's own."""
        ...

    def ask(self) -> str | None:
        """Ask for one more unit. None where there is no room for it now."""
        ...

    def drain(self, name: str) -> None:
        """Let a unit leave once it has answered what it accepted."""
        ...

    def kill(self, name: str) -> None:
        """End a unit at once."""
        ...


def carry_out(orders: list[Order], fleet: Fleet, provider: Provider, now: float) -> None:
    """Have a provider do what a fleet has ordered."""
    for order in orders:
        if order.what == "ask":
            name = provider.ask()
            if name is not None:
                fleet.asked(name, now)
        elif order.what == "drain":
            provider.drain(order.name)
        else:
            provider.kill(order.name)
