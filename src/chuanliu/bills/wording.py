"""The words of a statement, in Chinese and English, for its page, its CSV and its PDF."""

from __future__ import annotations

from typing import Final, Literal

Tongue = Literal["zh", "en"]

KIND_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "payment": ("消费", "Purchase"),
    "plan_fee": ("分期手续费", "Instalment fee"),
    "late_fee": ("逾期费", "Late fee"),
    "penalty_interest": ("罚息", "Penalty interest"),
    "refund": ("退款", "Refund"),
    "plan_fee_refund": ("退回手续费", "Fee given back"),
    "plan_fee_return": ("提前还款减免手续费", "Fee spared by early repayment"),
    "repayment": ("还款", "Repayment"),
    "late_fee_repayment": ("偿还逾期费", "Repayment of late fee"),
    "interest_repayment": ("偿还罚息", "Repayment of interest"),
    "repayment_rest": ("还款多余部分，退回余额", "Rest of a repayment, to the balance"),
    "credit_overpaid": ("多还退回余额", "Overpaid, to the balance"),
}
"""What moved, by the transfer's kind."""

FIGURE_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "opening_minor": ("上期欠款", "Owed before"),
    "purchases_minor": ("本期消费", "Purchases"),
    "fees_minor": ("分期手续费", "Instalment fees"),
    "late_fees_minor": ("逾期费", "Late fees"),
    "interest_minor": ("罚息", "Penalty interest"),
    "refunds_minor": ("退款", "Refunds"),
    "repayments_minor": ("还款", "Repayments"),
    "other_minor": ("其他", "Other"),
    "closing_minor": ("期末欠款合计", "Owed in all"),
    "due_minor": ("本期应还", "Due now"),
    "minimum_minor": ("最低还款额", "Minimum payment"),
    "overdue_minor": ("其中往期未还", "of this from earlier statements"),
    "instalments_due_minor": ("其中本期分期", "of this instalments"),
    "purchases_due_minor": ("其中一次付清", "of this purchases paid in one"),
    "later_minor": ("以后各期分期", "Instalments of later months"),
}
"""The figures of a statement, in the order in which they are read."""


def kind_text(kind: str, tongue: Tongue) -> str:
    """What moved, in words; the kind itself where there are none."""
    return KIND_TEXTS.get(kind, (kind, kind))[tongue == "en"]


def figure_text(name: str, tongue: Tongue) -> str:
    """What a figure is called."""
    return FIGURE_TEXTS[name][tongue == "en"]
