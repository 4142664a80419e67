"""What a card pays of a bill: asked by an order of the lender, applied to the line when the order is paid.

The order is what makes it safe: the bank is asked once, after the commit, and while its answer is unknown the sweeper
inquires (docs/bank-calls.md). A charge is declined only when its order has ended unpaid, so no later answer can pay it.
"""

from __future__ import annotations

from typing import Final

from chuanliu.bills.claims import Allocation, last_billed
from chuanliu.bills.repaying import BillPaid, LineCommand, billed_minor, repay_line
from chuanliu.bills.tables import BILL_CHARGE, CHARGE_STATES, BillCharge
from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen
from chuanliu.errors import NotFound, Refused
from chuanliu.ids import cell_of_id
from chuanliu.instalments import Wish, wish_bytes
from chuanliu.ledger import Chart, account_of, post
from chuanliu.lenders import terms_of
from chuanliu.trade import ORDER, OrderSpec

_SUBJECT: Final = "账单还款 Repayment of a bill"
_PAID: Final = ("TRADE_SUCCESS", "TRADE_FINISHED")
_WISH: Final = wish_bytes(Wish(allowed=("debit_card",)))


def order_of(charge: BillCharge) -> OrderSpec:
    """The order by which a card is asked: always the same one for a charge. The lender sells it."""
    return OrderSpec(
        charge.lender_id,
        0,
        f"bill-{charge.charge_id}",
        "qr",
        _SUBJECT,
        charge.amount_minor,
        charge.currency,
        buyer_id=charge.consumer_id,
        wish=_WISH,
    )


def _moved(charge: BillCharge, status: str) -> BillCharge:
    if status not in CHARGE_STATES[charge.status]:
        raise Refused("order_status_invalid", f"a charge that is {charge.status} is not {status}")
    return charge.changed(status=status)


class _ChargeCommand(Command[BillCharge], frozen=True):
    charge_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.lock(BILL_CHARGE, cell_of_id(self.charge_id), self.charge_id)

    def charge(self, rows: Rows) -> BillCharge:
        """Raises `NotFound(payment_not_found)`."""
        found = rows.get(BILL_CHARGE, cell_of_id(self.charge_id), self.charge_id)
        if found is None:
            raise NotFound("payment_not_found")
        return found


class AskCharge(_ChargeCommand, frozen=True):
    """Put on record that a card is asked now, by this order. Only one of several gets it.

    Raises `NotFound(payment_not_found)`, `Refused(order_status_invalid)` where it is not due any more.
    """

    order_id: int

    def decide(self, rows: Rows, context: Context) -> BillCharge:
        asked = _moved(self.charge(rows), "asked").changed(order_id=self.order_id)
        rows.update(BILL_CHARGE, asked)
        return asked


class DeclineCharge(_ChargeCommand, frozen=True):
    """Put on record that a card has not paid and will not: its order has ended, or there never was one.

    Raises `NotFound(payment_not_found)`, `Refused(order_status_invalid)` while its order can still be paid, or is.
    """

    reason: str

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        super().discover(seen, keys, reference)
        cell = cell_of_id(self.charge_id)
        keys.look(BILL_CHARGE, cell, self.charge_id)
        charge = seen.get(BILL_CHARGE, cell, self.charge_id)
        if charge is not None and charge.order_id is not None:
            keys.lock(ORDER, cell_of_id(charge.order_id), charge.order_id)

    def decide(self, rows: Rows, context: Context) -> BillCharge:
        charge = self.charge(rows)
        if charge.status == "declined":
            return charge
        order = None if charge.order_id is None else rows.get(ORDER, cell_of_id(charge.order_id), charge.order_id)
        if order is not None and order.status != "TRADE_CLOSED":
            raise Refused("order_status_invalid", "the order can still be paid")
        declined = _moved(charge, "declined").changed(reason=self.reason, completed_at=context.now)
        rows.update(BILL_CHARGE, declined)
        return declined


class ApplyCharge(LineCommand, frozen=True):
    """Let what a card has paid fall on the line, once; what is not owed any more goes to her balance.

    Raises `NotFound`: instrument_not_found, payment_not_found; `Refused(order_status_invalid)` where the order is not
    paid. The outcome is `BillPaid`.
    """

    charge_id: int = 0

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        super().discover(seen, keys, reference)
        cell = cell_of_id(self.charge_id)
        keys.lock(BILL_CHARGE, cell, self.charge_id)
        keys.look(BILL_CHARGE, cell, self.charge_id)
        charge = seen.get(BILL_CHARGE, cell, self.charge_id)
        if charge is not None and charge.order_id is not None:
            keys.lock(ORDER, cell_of_id(charge.order_id), charge.order_id)

    def decide(self, rows: Rows, context: Context) -> BillPaid:
        line, today = self.line(rows, context), self.today(context)
        until = last_billed(terms_of(line.product), today)
        billed = billed_minor(line, line.standing, until)
        charge = rows.get(BILL_CHARGE, cell_of_id(self.charge_id), self.charge_id)
        if charge is None or charge.instrument_id != self.instrument_id:
            raise NotFound("payment_not_found")
        if charge.status == "applied":
            return BillPaid(Allocation(0, 0, (), 0), 0, 0, 0, billed, charge)
        order = rows.get(ORDER, cell_of_id(charge.order_id or 0), charge.order_id or 0)
        if order is None or order.status not in _PAID:
            raise Refused("order_status_invalid", "the order is not paid")
        received = account_of(charge.lender_id, Chart.MERCHANT_RECEIVABLE, charge.currency)
        amount = min(billed, charge.amount_minor)
        allocation = Allocation(0, 0, (), 0)
        if amount:
            allocation, _ = repay_line(rows, context, line, line.standing, until, amount, received)
        rest = charge.amount_minor - amount
        if rest:
            balance = account_of(self.consumer_id, Chart.CONSUMER_BALANCE, charge.currency)
            post(rows, context, charge.cell, received, balance, rest, "repayment_rest", charge.charge_id)
        applied = _moved(charge, "applied").changed(completed_at=context.now)
        rows.update(BILL_CHARGE, applied)
        return BillPaid(allocation, rest, 0, 0, billed - amount, applied)
