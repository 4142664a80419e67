"""Campaigns and their sponsors: who bears which part of a subsidy, on which budget.

Targeting and splitting are pure; `reserve` and `release` change the budgets under lock; commands run a campaign's life.
"""

from chuanliu.promotions import budget_store
from chuanliu.promotions.campaign_file import (
    CampaignFile,
    CampaignSpec,
    changed_campaign,
    new_campaign,
    party_of,
    read_campaign_file,
)
from chuanliu.promotions.campaigns import (
    SPONSORS_MAX,
    STRIPES_DEFAULT,
    ChangeCampaign,
    CreateCampaign,
    NewSponsor,
    SponsorChange,
    known_campaign,
)
from chuanliu.promotions.documents import campaign_document
from chuanliu.promotions.life import (
    AddBudget,
    CloseCampaign,
    CountBudgets,
    PauseCampaign,
    PublishCampaign,
    ResumeCampaign,
    ScheduleCampaign,
    due_moves,
    watched_budgets,
)
from chuanliu.promotions.marks import KINDS as CAMPAIGN_EVENTS
from chuanliu.promotions.marks import BudgetLine, CampaignNotice, notice_of
from chuanliu.promotions.reserving import (
    count_product_use,
    lock_campaign,
    lock_product_use,
    look_uses,
    note_dry,
    release,
    reserve,
    within_uses,
)
from chuanliu.promotions.subsidies import (
    Bearers,
    Choices,
    Combination,
    Share,
    Subsidy,
    best_combination,
    claw_back,
    is_known_dry,
    subsidise,
)
from chuanliu.promotions.tables import (
    CAMPAIGN,
    CAMPAIGN_TABLES,
    CAMPAIGN_USE,
    SPONSOR,
    Campaign,
    CampaignUse,
    Sponsor,
)
from chuanliu.promotions.targeting import EligibleCampaigns, Purchase, applies, business_day, candidates, eligible
from chuanliu.promotions.terms import CampaignTerms, terms_of
from chuanliu.promotions.views import CampaignView, all_campaigns, campaign_of_code, find_campaign, is_running

__all__ = [
    "CAMPAIGN",
    "CAMPAIGN_EVENTS",
    "CAMPAIGN_TABLES",
    "CAMPAIGN_USE",
    "SPONSOR",
    "SPONSORS_MAX",
    "STRIPES_DEFAULT",
    "AddBudget",
    "Bearers",
    "BudgetLine",
    "Campaign",
    "CampaignFile",
    "CampaignNotice",
    "CampaignSpec",
    "CampaignTerms",
    "CampaignUse",
    "CampaignView",
    "ChangeCampaign",
    "Choices",
    "CloseCampaign",
    "Combination",
    "CountBudgets",
    "CreateCampaign",
    "EligibleCampaigns",
    "NewSponsor",
    "PauseCampaign",
    "PublishCampaign",
    "Purchase",
    "ResumeCampaign",
    "ScheduleCampaign",
    "Share",
    "Sponsor",
    "SponsorChange",
    "Subsidy",
    "all_campaigns",
    "applies",
    "best_combination",
    "budget_store",
    "business_day",
    "campaign_document",
    "campaign_of_code",
    "candidates",
    "changed_campaign",
    "claw_back",
    "count_product_use",
    "due_moves",
    "eligible",
    "find_campaign",
    "is_known_dry",
    "is_running",
    "known_campaign",
    "lock_campaign",
    "lock_product_use",
    "look_uses",
    "new_campaign",
    "note_dry",
    "notice_of",
    "party_of",
    "read_campaign_file",
    "release",
    "reserve",
    "subsidise",
    "terms_of",
    "watched_budgets",
    "within_uses",
]
