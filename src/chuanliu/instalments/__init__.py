"""Instalments: calculators, offers and quotes, plans.

Pure calculators split amounts and state rates; offers price what a consumer has; quotes keep offers; plans are what was
agreed, and what refunds and repayments make of it.
"""

from chuanliu.instalments.apr import Rates, eu_ccd, irr, us_appendix_j
from chuanliu.instalments.audit_store import CHECKS as INSTALMENT_CHECKS
from chuanliu.instalments.calculator import calculate_apr, calculate_schedule
from chuanliu.instalments.china_calendar import is_closed_in_china, load_china_calendar
from chuanliu.instalments.due_dates import HolidayRule, due_dates, months_later, next_business_day
from chuanliu.instalments.indication import IndicateOffers
from chuanliu.instalments.offers import (
    Basket,
    Declined,
    Offer,
    Offers,
    OfferShare,
    basket_in,
    campaigns_of_basket,
    means_of_offer,
    offers_bytes,
    offers_for,
    offers_of,
    regular_split_of,
    split_of,
)
from chuanliu.instalments.plan_queries import FindPlan, FindPlans
from chuanliu.instalments.plans import (
    Kept,
    activate_plan,
    borne_by,
    kept_after_refund,
    lock_plan,
    lock_plan_refund,
    new_plan,
    plan_of,
    refund_plan,
    sponsor_account,
    void_plan,
)
from chuanliu.instalments.pricing import means_of, method_of, source_of
from chuanliu.instalments.quotes import (
    QUOTE_LASTS,
    Confirmation,
    ConfirmQuote,
    FindQuote,
    MakeQuote,
    QuoteByCode,
    QuoteView,
    ReleaseQuote,
    all_offers,
    moved,
    require_usable,
)
from chuanliu.instalments.rate_of_return import monthly_rate
from chuanliu.instalments.reduction import reduce_instalments, repay_oldest_first
from chuanliu.instalments.repaying import Repayment, RepayPlan, spared_fee
from chuanliu.instalments.reserving import (
    CampaignDry,
    lock_plan_budgets,
    lock_shares,
    note_dry_shares,
    release_shares,
    reserve_shares,
    return_to_budgets,
)
from chuanliu.instalments.schedule import Instalment, Schedule, apr_pct, make_schedule
from chuanliu.instalments.shoppers import likely_shopper, look_instruments, look_used_up, paying_accounts
from chuanliu.instalments.split import Split, split_principal
from chuanliu.instalments.tables import PLAN, PLAN_STATES, PLANS_OF_PAYMENT, QUOTE, QUOTE_STATES, Plan, Quote
from chuanliu.instalments.terms import Method, Remainder, Terms, make_terms
from chuanliu.instalments.wish import ANY, MEANS, Wish, read_wish, wish_bytes

__all__ = [
    "ANY",
    "INSTALMENT_CHECKS",
    "MEANS",
    "PLAN",
    "PLANS_OF_PAYMENT",
    "PLAN_STATES",
    "QUOTE",
    "QUOTE_LASTS",
    "QUOTE_STATES",
    "Basket",
    "CampaignDry",
    "ConfirmQuote",
    "Confirmation",
    "Declined",
    "FindPlan",
    "FindPlans",
    "FindQuote",
    "HolidayRule",
    "IndicateOffers",
    "Instalment",
    "Kept",
    "MakeQuote",
    "Method",
    "Offer",
    "OfferShare",
    "Offers",
    "Plan",
    "Quote",
    "QuoteByCode",
    "QuoteView",
    "Rates",
    "ReleaseQuote",
    "Remainder",
    "RepayPlan",
    "Repayment",
    "Schedule",
    "Split",
    "Terms",
    "Wish",
    "activate_plan",
    "all_offers",
    "apr_pct",
    "basket_in",
    "borne_by",
    "calculate_apr",
    "calculate_schedule",
    "campaigns_of_basket",
    "due_dates",
    "eu_ccd",
    "irr",
    "is_closed_in_china",
    "kept_after_refund",
    "likely_shopper",
    "load_china_calendar",
    "lock_plan",
    "lock_plan_budgets",
    "lock_plan_refund",
    "lock_shares",
    "look_instruments",
    "look_used_up",
    "make_schedule",
    "make_terms",
    "means_of",
    "means_of_offer",
    "method_of",
    "monthly_rate",
    "months_later",
    "moved",
    "new_plan",
    "next_business_day",
    "note_dry_shares",
    "offers_bytes",
    "offers_for",
    "offers_of",
    "paying_accounts",
    "plan_of",
    "read_wish",
    "reduce_instalments",
    "refund_plan",
    "regular_split_of",
    "release_shares",
    "repay_oldest_first",
    "require_usable",
    "reserve_shares",
    "return_to_budgets",
    "source_of",
    "spared_fee",
    "split_of",
    "split_principal",
    "sponsor_account",
    "us_appendix_j",
    "void_plan",
    "wish_bytes",
]
