"""`chuanliu lender` and what consumers do with lenders, as real commands on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from chuanliu.cli import app
from chuanliu.errors import ChuanliuError
from chuanliu.lenders import lender_yaml
from chuanliu.runtime import CannotStart
from lenders.samples import card_number, card_product, credit_pay_product, lender, line_product

YUNHE = lender("yunhe", card_product("yunhe-card", ("901100", "901199")), credit_pay_product("yunhe-pay"))
RIVER = lender("river", line_product("river-line"), kind="platform")

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def invoke(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Run:
    """Run a command beside a sandbox on this module's database."""
    data = tmp_path_factory.mktemp("data")
    variables = {"CHUANLIU_DATA": str(data), "CHUANLIU_DATABASE_URL": database_url, "CHUANLIU_SANDBOX": "true"}

    def invoke(*words: str, stdin: str | None = None, **more: str) -> Result:
        return CliRunner().invoke(app, list(words), env={**variables, **more}, input=stdin)

    return invoke


@pytest.fixture(scope="module")
def answer(invoke: Run) -> Callable[..., Any]:
    """What a command that goes well prints as JSON."""

    def answer(*words: str, **options: Any) -> Any:
        done = invoke(*words, "--json", **options)
        assert (done.exit_code, done.stderr, done.exception) == (0, "", None), done
        return json.loads(done.stdout)

    return answer


@pytest.fixture(scope="module", autouse=True)
def files(answer: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two lenders, applied."""
    folder = tmp_path_factory.mktemp("lenders")
    for spec in (YUNHE, RIVER):
        (folder / f"{spec.code}.yaml").write_text(lender_yaml(spec), "utf-8")
    applied = answer("lender", "apply", str(folder))
    assert [each["added"] for each in applied["lenders"]] == [
        ["river", "river-line"],
        ["yunhe", "yunhe-card", "yunhe-pay"],
    ]
    return folder


def refusal(done: Result) -> str:
    assert isinstance(done.exception, ChuanliuError | CannotStart), done
    return str(done.exception)


def test_applying_again_changes_nothing(files: Path, invoke: Run, answer: Callable[..., Any]) -> None:
    again = answer("lender", "apply", str(files))
    assert [(each["added"], each["changed"]) for each in again["lenders"]] == [([], []), ([], [])]
    done = invoke("lender", "apply", str(files / "yunhe.yaml"))
    assert (done.exit_code, done.stdout) == (0, f"{files}/yunhe.yaml: yunhe: unchanged\n")
    rows = answer("lender", "list")["lenders"]
    assert [(row["code"], row["kind"], row["products"]) for row in rows] == [
        ("river", "platform", "river-line"),
        ("yunhe", "bank", "yunhe-card yunhe-pay"),
    ]


def test_what_is_exported_is_what_was_applied(files: Path, invoke: Run, tmp_path: Path) -> None:
    done = invoke("lender", "export", "yunhe")
    assert (done.exit_code, done.stdout) == (0, (files / "yunhe.yaml").read_text("utf-8"))
    assert invoke("lender", "export", "--to", str(tmp_path / "out")).exit_code == 0
    for name in ("yunhe.yaml", "river.yaml"):
        assert (tmp_path / "out" / name).read_text("utf-8") == (files / name).read_text("utf-8")
    assert "lender_not_found" in refusal(invoke("lender", "export", "nobody"))


def test_mistakes_have_file_line_and_column_and_nothing_is_applied(invoke: Run, tmp_path: Path) -> None:
    good = lender("good", card_product("good-card", ("902000", "902000")))
    (tmp_path / "good.yaml").write_text(lender_yaml(good), "utf-8")
    text = lender_yaml(lender("bad", line_product("bad-line"))).replace("order_min: '100.00'", "order_min: -1")
    (tmp_path / "wrong.yaml").write_text(text, "utf-8")
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "order_min" in each)
    for words in (("apply",), ("apply", "--check")):
        done = invoke("lender", *words, str(tmp_path))
        place = f"{tmp_path}/wrong.yaml:{line}:14: products[0].order_min: must not be negative\n"
        assert (done.exit_code, done.stderr) == (1, place)
    done = invoke("lender", "apply", "--json", str(tmp_path))
    (problem,) = json.loads(done.stdout)["problems"]
    assert done.exit_code == 1 and (problem["line"], problem["path"]) == (line, "products[0].order_min")
    assert "lender_not_found" in refusal(invoke("lender", "show", "good")), "not even the good one"
    (tmp_path / "wrong.yaml").write_text(lender_yaml(lender("late", card_product("late", ("902000", "902010")))))
    done = invoke("lender", "apply", "--check", str(tmp_path), CHUANLIU_DATABASE_URL="", CHUANLIU_DATA=str(tmp_path))
    assert done.exit_code == 1 and "overlaps with 902000 of good-card of good" in done.stderr
    (tmp_path / "wrong.yaml").unlink()
    done = invoke("lender", "apply", "--check", str(tmp_path), CHUANLIU_DATABASE_URL="", CHUANLIU_DATA=str(tmp_path))
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path}/good.yaml: good: sound\n")
    (tmp_path / "empty").mkdir()
    assert "no .yaml" in refusal(invoke("lender", "apply", str(tmp_path / "empty")))
    assert "cannot read" in refusal(invoke("lender", "apply", str(tmp_path / "none.yaml")))


def test_what_the_platform_refuses_has_a_place_too(invoke: Run, tmp_path: Path) -> None:
    text = lender_yaml(lender("claim", card_product("claim", ("901150", "901150"))))
    (tmp_path / "claim.yaml").write_text(text)
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "901150" in each)
    done = invoke("lender", "apply", str(tmp_path))
    assert done.exit_code == 1
    place = f"{tmp_path}/claim.yaml:{line}:3: products[0].bins"
    assert done.stderr == f"{place}: 901150 of claim overlaps with 901100-901199 of yunhe-card\n"


def test_suspending_and_resuming(answer: Callable[..., Any], invoke: Run) -> None:
    assert answer("lender", "suspend", "yunhe", "--product", "yunhe-pay")["status"] == "suspended"
    assert "yunhe-card (yunhe-pay)" in [row["products"] for row in answer("lender", "list")["lenders"]]
    assert answer("lender", "resume", "yunhe", "--product", "yunhe-pay")["status"] == "active"
    assert answer("lender", "suspend", "river")["status"] == "suspended"
    assert answer("lender", "show", "river")["definition"]["status"] == "suspended"
    assert answer("lender", "resume", "river")["status"] == "active"
    assert "is not a product of" in refusal(invoke("lender", "suspend", "river", "--product", "yunhe-pay"))


def test_a_consumer_links_cards_and_opens_lines(answer: Callable[..., Any], invoke: Run) -> None:
    consumer = answer("consumer", "add")
    who, pan = consumer["user_id"], card_number("901100")
    linked = answer("consumer", "link-card", who, "--pan", pan, "--expiry", "12/35")
    assert linked["masked"] == f"**** {pan[-4:]}" and "yunhe 银行" in linked["consent"]
    assert linked["lender"]["name_zh"] == "yunhe 银行" and pan not in json.dumps(linked)
    piped = answer("consumer", "link-card", who, "--pan", "-", "--expiry", "12/35", stdin=f"{pan}\n")
    assert piped["instrument_id"] == linked["instrument_id"]
    line = answer("consumer", "open-line", who, "--product", "river-line", "--limit", "300")
    assert (line["limit"], line["used"]) == ("300.00", "0.00")
    account = answer("consumer", "open-line", who, "--product", "yunhe-pay", "--account", "ACC-0007")
    assert account["masked"] == "**** 0007"
    rows = answer("consumer", "instruments", who)["instruments"]
    assert [(row["lender"], row["kind"], row["limit"]) for row in rows] == [
        ("yunhe 银行", "credit_card", None),
        ("river 银行", "credit_line", "300.00"),
        ("yunhe 银行", "bank_credit_pay", None),
    ]
    assert answer("consumer", "close", who, line["instrument_id"])["status"] == "closed"
    assert len(answer("consumer", "instruments", who)["instruments"]) == 2
    assert len(answer("consumer", "instruments", who, "--closed")["instruments"]) == 3
    shown = invoke("consumer", "instruments", who)
    assert pan[-4:] in shown.stdout and pan not in shown.stdout


def test_who_signs(answer: Callable[..., Any], invoke: Run) -> None:
    consumer = answer("consumer", "add")
    words = ("consumer", "open-line", consumer["user_id"], "--product", "river-line")
    assert "--pay-password" in refusal(invoke(*words, CHUANLIU_SANDBOX="false"))
    assert "pay_password_wrong" in refusal(invoke(*words, "--pay-password", "abcdef"))
    signed = answer(*words, "--pay-password", consumer["pay_password"])
    assert signed["status"] == "active"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["link-card", "USER", "--pan", "9011000000000017", "--expiry", "12/35"], "card_invalid"),
        (["link-card", "USER", "--pan", "4111111111111111", "--expiry", "12/35"], "card_not_supported"),
        (["link-card", "USER", "--pan", "9011000000000016", "--expiry", "1235"], "expiry must be MM/YY"),
        (["link-card", "USER", "--pan", "9011000000000016", "--expiry", "01/20"], "card_expired"),
        (["link-card", "12", "--pan", "9011000000000016", "--expiry", "12/35"], "16 digits"),
        (["open-line", "USER", "--product", "nothing"], "product_not_found"),
        (["open-line", "USER", "--product", "yunhe-card"], "a card is linked"),
        (["open-line", "USER", "--product", "yunhe-pay"], "account_ref must be"),
        (["open-line", "USER", "--product", "river-line", "--limit", "-5"], "limit must be"),
        (["close", "USER", "12"], "instrument_not_found"),
        (["close", "USER", "x"], "up to 19 digits"),
        (["instruments", "2088000000999999"], "consumer_not_found"),
    ],
)
def test_what_the_user_can_mend_is_said(
    answer: Callable[..., Any], invoke: Run, words: list[str], message: str
) -> None:
    who = answer("consumer", "add")["user_id"]
    said = refusal(invoke("consumer", *[who if word == "USER" else word for word in words]))
    assert message in said
    assert not any(len(word) == 16 and word != who and word.startswith(("9", "4")) and word in said for word in words)
