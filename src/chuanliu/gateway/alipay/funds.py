"""Where a payment's money came from and what it cost, in the wire's words: fund bills, instalments, charges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from chuanliu.clock import wall_text
from chuanliu.engine import Reference
from chuanliu.funding import METHODS, BankCall
from chuanliu.gateway.alipay.emission import Json
from chuanliu.instalments import Plan, borne_by
from chuanliu.money import format_amount
from chuanliu.trade import FundLine, Order, PlanLine, RefundOutcome, receivable_account

_FUND_TYPES: Final = {"debit_card": "DEBIT_CARD"}
_CREDIT: Final = "CREDIT_CARD"
_DEPOSIT_STATES: Final = {"due": "P", "succeeded": "S", "refused": "F"}


def fund_bill(line: FundLine, currency: str) -> dict[str, str]:
    """One line of a fund bill. Whatever a bank lends counts as its credit card; `bank_code` is the bank's code here."""
    bill = {"amount": format_amount(line.amount_minor, currency)}
    if line.method == "balance":
        return bill | {"fund_channel": "ALIPAYACCOUNT"}
    if line.bank is None:
        return bill | {"fund_channel": "PCREDIT"}
    return bill | {
        "fund_channel": "BANKCARD",
        "bank_code": line.bank,
        "fund_type": _FUND_TYPES.get(line.kind or "", _CREDIT),
    }


def fund_bills(lines: Iterable[FundLine], currency: str) -> Json:
    """All lines of a payment or refund."""
    return [dict(fund_bill(line, currency)) for line in lines]


def instalment_info(plan: Plan | PlanLine, currency: str, bank: str | None) -> dict[str, str] | None:
    """The plan that the payer chose, in `hb_fq_pay_info`: number of instalments, their principal, and the bank.

    None for a payment in full.
    """
    if plan.instalments < 2:
        return None
    info = {
        "user_install_num": str(plan.instalments),
        "fq_amount": format_amount(plan.principal_minor, currency),
    }
    return info if bank is None else info | {"fq_inst_id": bank}


def charges(reference: Reference, order: Order, plan: Plan | None) -> dict[str, Json]:
    """What the seller is charged: the platform's fee, and its part of an instalment fee."""
    parts = [("trade", order.fee_minor, order.fee_minor)]
    if plan is not None and plan.instalments > 1:
        borne = borne_by(reference, plan, receivable_account(order), plan.subsidies)
        if borne:
            parts.append(("hbfq", borne, plan.fee_minor))
    return {
        "charge_amount": format_amount(sum(part[1] for part in parts), order.currency),
        "charge_info_list": [
            {
                "charge_type": kind,
                "charge_fee": format_amount(fee, order.currency),
                "original_charge_fee": format_amount(whole, order.currency),
                "is_rating_on_trade_receiver": "Y",
            }
            for kind, fee, whole in parts
        ],
    }


def refunded_charges(outcome: RefundOutcome) -> dict[str, Json]:
    """What of its charges the seller gets back by a refund."""
    order = outcome.order
    parts = [("trade", outcome.refund.fee_minor)]
    if outcome.seller_fee_minor:
        parts.append(("hbfq", outcome.seller_fee_minor))
    return {
        "refund_charge_amount": format_amount(sum(fee for _, fee in parts), order.currency),
        "refund_charge_info_list": [
            {"charge_type": kind, "refund_charge_fee": format_amount(fee, order.currency)} for kind, fee in parts
        ],
    }


def goes_to_bank(lines: Iterable[FundLine]) -> bool:
    """Whether a refund goes back over a bank."""
    return any(METHODS[line.method].external for line in lines)


def deposits_back(calls: Iterable[BankCall], currency: str) -> list[dict[str, Json]]:
    """How far each bank has got with its part of a refund: under way, done, or refused. Empty where none is told."""
    return [_deposit_back(call, currency) for call in sorted(calls, key=lambda call: call.call_id)]


def _deposit_back(call: BankCall, currency: str) -> dict[str, Json]:
    info: dict[str, Json] = {
        "has_deposit_back": "true",
        "dback_status": _DEPOSIT_STATES.get(call.status, "P"),
        "dback_amount": format_amount(call.amount_minor, currency),
    }
    if call.completed_at is not None:
        info["bank_ack_time"] = wall_text(call.completed_at)
    return info


def camel(members: dict[str, str]) -> dict[str, str]:
    """Members as notifications name them."""
    return {_camel_name(name): value for name, value in members.items()}


def _camel_name(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
