"""Pages: cashier, start page, API reference, notices. Views in, HTML out; the routes live with their dialects.

Every `render_…` is pure and gives a whole document that works without scripts and under a content security policy of
`default-src 'self'` with no inline script or style. Static files are `ASSETS`, by address.
"""

from chuanliu.web.assets import ASSETS, Asset
from chuanliu.web.assistant import (
    AssistantView,
    LimitsView,
    MessageView,
    MonthView,
    OffView,
    PressureView,
    ProductView,
    RingView,
    SettingsView,
    SharesView,
    ShareView,
    plan_name,
    render_assistant,
    render_off,
)
from chuanliu.web.bills import BillRow, BillsView, MirroredRow, OwedRow, StatementView, render_bills, render_statement
from chuanliu.web.cashier import (
    AlreadyPaid,
    CashierView,
    Choose,
    Closed,
    DemoConsumer,
    Expired,
    InProgress,
    OrderSummary,
    Paid,
    SignIn,
    Stage,
    render_cashier,
    stage_name,
)
from chuanliu.web.choices import Choice, Means
from chuanliu.web.flow_drawing import Flow, Stroke, Tick, flows_svg, stride, thinned
from chuanliu.web.language import Language, choose_language, with_language
from chuanliu.web.notices import ErrorView, WaitingView, render_error, render_waiting
from chuanliu.web.questions import AnswerView, ProofRow, QuestionView, render_question
from chuanliu.web.reference import ReferenceView, render_reference
from chuanliu.web.snippets import Credentials
from chuanliu.web.standalone import Listing, Picture, Sheet, render_sheet
from chuanliu.web.start import LiveFigures, StartView, Wallet, live_json, render_start, wallets_json

__all__ = [
    "ASSETS",
    "AlreadyPaid",
    "AnswerView",
    "Asset",
    "AssistantView",
    "BillRow",
    "BillsView",
    "CashierView",
    "Choice",
    "Choose",
    "Closed",
    "Credentials",
    "DemoConsumer",
    "ErrorView",
    "Expired",
    "Flow",
    "InProgress",
    "Language",
    "LimitsView",
    "Listing",
    "LiveFigures",
    "Means",
    "MessageView",
    "MirroredRow",
    "MonthView",
    "OffView",
    "OrderSummary",
    "OwedRow",
    "Paid",
    "Picture",
    "PressureView",
    "ProductView",
    "ProofRow",
    "QuestionView",
    "ReferenceView",
    "RingView",
    "SettingsView",
    "ShareView",
    "SharesView",
    "Sheet",
    "SignIn",
    "Stage",
    "StartView",
    "StatementView",
    "Stroke",
    "Tick",
    "WaitingView",
    "Wallet",
    "choose_language",
    "flows_svg",
    "live_json",
    "plan_name",
    "render_assistant",
    "render_bills",
    "render_cashier",
    "render_error",
    "render_off",
    "render_question",
    "render_reference",
    "render_sheet",
    "render_start",
    "render_statement",
    "render_waiting",
    "stage_name",
    "stride",
    "thinned",
    "wallets_json",
    "with_language",
]
