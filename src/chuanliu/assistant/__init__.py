"""The bill assistant: what the next bills will weigh, told gently, from the consumer's own plans and statements.

What she asks about them is answered by `chuanliu.assistant.questions`.
"""

from chuanliu.assistant import erasing_store, reminder_store
from chuanliu.assistant.categories import CATEGORY_TEXTS, group_of
from chuanliu.assistant.dues import Due, MonthOfDues, calendar_of, dues_of, monthly_bills, owed_by_product, plan_months
from chuanliu.assistant.exports import profile_csv, profile_document, time_of_day
from chuanliu.assistant.forecast import Purchase, Quantiles, forecast
from chuanliu.assistant.ideals import Proposal, propose, rounded_up
from chuanliu.assistant.off_links import consumer_of_token, off_token
from chuanliu.assistant.overview import FindOverview, Overview, ProductBill, Told, overview_of
from chuanliu.assistant.pressure import LEVELS, Pressure, level_of, pressure_of
from chuanliu.assistant.profiles import ChangeProfile, FindProfile, zone_named
from chuanliu.assistant.progress import Progress, Window, percent_of, progress_of, window_of
from chuanliu.assistant.reminder_store import OLD_REMINDERS, Claim
from chuanliu.assistant.reminders import Occasion, is_quiet, occasions_of, words_of
from chuanliu.assistant.shares import Share, Shares, shares_of
from chuanliu.assistant.tables import ASSISTANT_PROFILE, CHANNELS, EMAIL, IN_APP, AssistantProfile, new_profile
from chuanliu.assistant.words import FindOutlook, Outlook, Word, word_of

__all__ = [
    "ASSISTANT_PROFILE",
    "CATEGORY_TEXTS",
    "CHANNELS",
    "EMAIL",
    "IN_APP",
    "LEVELS",
    "OLD_REMINDERS",
    "AssistantProfile",
    "ChangeProfile",
    "Claim",
    "Due",
    "FindOutlook",
    "FindOverview",
    "FindProfile",
    "MonthOfDues",
    "Occasion",
    "Outlook",
    "Overview",
    "Pressure",
    "ProductBill",
    "Progress",
    "Proposal",
    "Purchase",
    "Quantiles",
    "Share",
    "Shares",
    "Told",
    "Window",
    "Word",
    "calendar_of",
    "consumer_of_token",
    "dues_of",
    "erasing_store",
    "forecast",
    "group_of",
    "is_quiet",
    "level_of",
    "monthly_bills",
    "new_profile",
    "occasions_of",
    "off_token",
    "overview_of",
    "owed_by_product",
    "percent_of",
    "plan_months",
    "pressure_of",
    "profile_csv",
    "profile_document",
    "progress_of",
    "propose",
    "reminder_store",
    "rounded_up",
    "shares_of",
    "time_of_day",
    "window_of",
    "word_of",
    "words_of",
    "zone_named",
]
