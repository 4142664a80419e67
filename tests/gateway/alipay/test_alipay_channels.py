"""Pay channels, instalment parameters and virtual goods: what wish they make, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chuanliu.errors import ChuanliuError
from chuanliu.gateway.alipay import METHODS, answer_for, read_biz_content
from chuanliu.gateway.alipay.channels import CHANNELS
from chuanliu.instalments import ANY, MEANS, Wish

ORDER = {"out_trade_no": "T1", "subject": "茶", "total_amount": "100.00"}
MAKING = sorted(method for method in METHODS if method.endswith((".pay", ".create", ".precreate")))
LINE, BANK_PAY, CARD = "credit_line", "bank_credit_pay", "credit_card"


def read(method: str, **fields: Any) -> Wish:
    content = {**ORDER, "auth_code": "281234567890123456", **fields}
    biz: Any = read_biz_content(method, json.dumps(content).encode())
    return biz.terms.wish


def wish(**fields: Any) -> Wish:
    return read("alipay.trade.page.pay", **fields)


CHANNEL_ROWS: list[tuple[dict[str, Any], Wish]] = [
    ({}, ANY),
    ({"enable_pay_channels": "", "disable_pay_channels": None}, ANY),
    ({"enable_pay_channels": "balance"}, Wish(allowed=("balance",))),
    ({"enable_pay_channels": "balance,moneyFund,coupon"}, Wish(allowed=("balance",))),
    ({"enable_pay_channels": "debitCardExpress,balance"}, Wish(allowed=("balance", "debit_card"))),
    ({"enable_pay_channels": "pcredit"}, Wish(allowed=(LINE,), in_full_only=(LINE,))),
    ({"enable_pay_channels": "pcreditpayInstallment"}, Wish(allowed=(LINE,), in_instalments_only=(LINE,))),
    ({"enable_pay_channels": "pcredit,pcreditpayInstallment"}, Wish(allowed=(LINE,))),
    *(
        ({"enable_pay_channels": name}, Wish(allowed=(CARD,)))
        for name in ("creditCard", "creditCardExpress", "creditCardCartoon")
    ),
    ({"enable_pay_channels": "credit_group"}, Wish(allowed=(LINE, BANK_PAY, CARD))),
    ({"enable_pay_channels": "bankPay"}, Wish(allowed=(BANK_PAY,))),
    # Nothing of ours is left: that is not the same as no list.
    ({"enable_pay_channels": "moneyFund"}, Wish(forbidden=MEANS)),
    ({"disable_pay_channels": "balance"}, Wish(forbidden=("balance",))),
    ({"disable_pay_channels": "pcredit"}, Wish(in_instalments_only=(LINE,))),
    ({"disable_pay_channels": "pcreditpayInstallment"}, Wish(in_full_only=(LINE,))),
    ({"disable_pay_channels": "pcredit,pcreditpayInstallment"}, Wish(forbidden=(LINE,))),
    ({"disable_pay_channels": "credit_group"}, Wish(forbidden=(LINE, BANK_PAY, CARD))),
    ({"disable_pay_channels": "creditCard,promotion"}, Wish(forbidden=(CARD,))),
    ({"disable_pay_channels": "moneyFund,mcard,pcard,voucher,point,mdiscount,honeyPay"}, ANY),
    ({"goods_type": "1"}, ANY),
    ({"goods_type": "0"}, Wish(forbidden=(LINE,))),
    ({"goods_type": "0", "enable_pay_channels": "balance,pcredit"}, Wish(allowed=("balance",))),
    ({"goods_type": "0", "disable_pay_channels": "balance"}, Wish(forbidden=("balance", LINE))),
    ({"store_id": "S1"}, Wish(store_id="S1")),
    ({"store_id": "S1", "disable_pay_channels": "balance"}, Wish(forbidden=("balance",), store_id="S1")),
]


@pytest.mark.parametrize(("fields", "expected"), CHANNEL_ROWS)
def test_channels(fields: dict[str, Any], expected: Wish) -> None:
    assert wish(**fields) == expected


INSTALMENT_ROWS: list[tuple[dict[str, Any], dict[str, Any], Wish]] = [
    ({"hb_fq_num": "3"}, {}, Wish(allowed=(LINE,), instalments=3)),
    ({"hb_fq_num": "12", "hb_fq_seller_percent": "0"}, {}, Wish(allowed=(LINE,), instalments=12)),
    (
        {"hb_fq_num": "6", "hb_fq_seller_percent": "100"},
        {},
        Wish(allowed=(LINE,), instalments=6, borne_by="merchant"),
    ),
    ({"hb_fq_num": 24, "hb_fq_seller_percent": 100}, {}, Wish(allowed=(LINE,), instalments=24, borne_by="merchant")),
    ({"hb_fq_num": "", "hb_fq_seller_percent": None}, {}, ANY),
    ({"fq_channels": "alipayfq_cc", "fq_num": "12"}, {}, Wish(allowed=(CARD,), instalments=12)),
    (
        {"fq_channels": "alipayfq_cc", "fq_num": "9", "fq_seller_percent": "100"},
        {},
        Wish(allowed=(CARD,), instalments=9, borne_by="merchant"),
    ),
    ({"fq_channels": "alipayfq", "fq_num": "3"}, {}, Wish(allowed=(LINE,), instalments=3)),
    ({"fq_channels": "alipayfq_cc,alipayfq", "fq_num": "3"}, {}, Wish(allowed=(LINE, CARD), instalments=3)),
    (
        {"hb_fq_num": "3", "fq_channels": "alipayfq_cc", "fq_num": "3"},
        {},
        Wish(allowed=(LINE, CARD), instalments=3),
    ),
    ({"hb_fq_num": "3"}, {"enable_pay_channels": "pcreditpayInstallment"}, Wish(allowed=(LINE,), instalments=3)),
    ({"hb_fq_num": "3"}, {"disable_pay_channels": "pcredit,balance"}, Wish(allowed=(LINE,), instalments=3)),
    (
        {"fq_channels": "alipayfq,alipayfq_cc", "fq_num": "3"},
        {"goods_type": "0"},
        Wish(allowed=(CARD,), instalments=3),
    ),
    (
        {"fq_channels": "alipayfq,alipayfq_cc", "fq_num": "3"},
        {"disable_pay_channels": "creditCard"},
        Wish(allowed=(LINE,), instalments=3),
    ),
    ({"hb_fq_num": "3"}, {"store_id": "S1"}, Wish(allowed=(LINE,), instalments=3, store_id="S1")),
    ({"sys_service_provider_id": "2088000000000001", "industry_reflux_info": "x"}, {}, ANY),
]


@pytest.mark.parametrize(("extend", "fields", "expected"), INSTALMENT_ROWS)
def test_instalments(extend: dict[str, Any], fields: dict[str, Any], expected: Wish) -> None:
    assert wish(extend_params=extend, **fields) == expected


@pytest.mark.parametrize("method", MAKING)
def test_every_method_that_makes_an_order_reads_them(method: str) -> None:
    asked = read(method, extend_params={"hb_fq_num": "3", "hb_fq_seller_percent": "100"}, store_id="S1")
    assert asked == Wish(allowed=(LINE,), instalments=3, borne_by="merchant", store_id="S1")
    assert read(method, disable_pay_channels="balance") == Wish(forbidden=("balance",))


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"enable_pay_channels": "balance,wechat"}, "enable_pay_channels 含有不支持的渠道wechat"),
    ({"disable_pay_channels": "Balance"}, "disable_pay_channels 含有不支持的渠道Balance"),
    (
        {"enable_pay_channels": "balance", "disable_pay_channels": "pcredit"},
        "disable_pay_channels 不能与enable_pay_channels同时传入",
    ),
    ({"enable_pay_channels": ["balance"]}, "enable_pay_channels 类型错误"),
    ({"extend_params": "x"}, "extend_params 类型错误"),
    ({"extend_params": {"hb_fq_num": 3.0}}, "extend_params 类型错误"),
    ({"extend_params": {"hb_fq_num": True}}, "extend_params 类型错误"),
    ({"extend_params": {"hb_fq_num": "4"}}, "hb_fq_num 取值必须是3、6、9、12、18、24之一"),
    ({"extend_params": {"hb_fq_num": "03"}}, "hb_fq_num 取值必须是3、6、9、12、18、24之一"),
    *(
        (
            {"extend_params": {"hb_fq_num": "3", "hb_fq_seller_percent": percent}},
            "hb_fq_seller_percent 取值必须是0、100之一",
        )
        for percent in ("50", "1", "100.0", "-100")
    ),
    ({"extend_params": {"hb_fq_seller_percent": "100"}}, "hb_fq_num 传入hb_fq_seller_percent时不能为空"),
    ({"extend_params": {"fq_num": "3"}}, "fq_channels 传入fq_num时不能为空"),
    ({"extend_params": {"fq_channels": "alipayfq_cc"}}, "fq_num 传入fq_channels时不能为空"),
    ({"extend_params": {"fq_channels": "visa", "fq_num": "3"}}, "fq_channels 取值必须是alipayfq、alipayfq_cc"),
    (
        {"extend_params": {"hb_fq_num": "3", "fq_channels": "alipayfq_cc", "fq_num": "6"}},
        "fq_num 与hb_fq_num、hb_fq_seller_percent不一致",
    ),
    (
        {"extend_params": {"hb_fq_num": "3"}, "enable_pay_channels": "balance,pcredit"},
        "enable_pay_channels 不包含hb_fq_num所需的分期渠道",
    ),
    (
        {"extend_params": {"hb_fq_num": "3"}, "disable_pay_channels": "pcreditpayInstallment"},
        "disable_pay_channels 包含hb_fq_num所需的分期渠道",
    ),
    (
        {"extend_params": {"fq_channels": "alipayfq_cc", "fq_num": "3"}, "disable_pay_channels": "credit_group"},
        "disable_pay_channels 包含fq_num所需的分期渠道",
    ),
    ({"extend_params": {"hb_fq_num": "3"}, "goods_type": "0"}, "goods_type 为0（虚拟商品）时不支持hb_fq_num"),
]


@pytest.mark.parametrize(("fields", "words"), REFUSALS)
def test_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ChuanliuError) as caught:
        wish(**fields)
    answer = answer_for(caught.value, "alipay.trade.page.pay")
    assert (answer.code, answer.sub_code, answer.sub_msg) == ("40004", "ACQ.INVALID_PARAMETER", f"参数无效：{words}")


def test_every_channel_of_the_wire_is_known() -> None:
    names = (
        "balance,moneyFund,coupon,pcredit,pcreditpayInstallment,creditCard,creditCardExpress,creditCardCartoon,"
        "credit_group,debitCardExpress,mcard,pcard,promotion,voucher,point,mdiscount,bankPay,honeyPay"
    )
    assert list(CHANNELS) and set(CHANNELS) == set(names.split(","))
