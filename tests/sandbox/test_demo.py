"""`chuanliu demo`: a start page whose figures move, and whose snippets run as printed."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest

from chuanliu.runtime import read_status
from live.running_platform import RunningPlatform, eventually
from sdk.environments import Missing
from sdk.variants import COMMUNITY_PYTHON, NODE, OFFICIAL_PYTHON, Sdk

CODE = re.compile(r'<code id="code-([a-z0-9-]+)">(.*?)</code>', re.DOTALL)
TAG = re.compile(r"<[^>]+>")


@pytest.fixture(scope="module")
def demo(scratch: Path) -> Iterator[RunningPlatform]:
    """A demo with its traffic."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    folder.chmod(0o711)
    running = RunningPlatform(folder / "demo", (), "demo")
    running.start()
    yield running
    status, output = running.stop()
    assert status == 0, output
    assert "Start page" in output and "Ctrl-C" in output


@pytest.fixture(scope="module")
def snippets(demo: RunningPlatform) -> dict[str, str]:
    """The start page's snippets by their names, as a reader would copy them."""
    status, page = demo.request("GET", "/?lang=en")
    assert status == 200
    return {name: html.unescape(TAG.sub("", drawn)) for name, drawn in CODE.findall(page)}


def test_traffic_flows_and_the_figures_tell_of_it(demo: RunningPlatform) -> None:
    def figures() -> dict[str, str]:
        found: dict[str, str] = demo.request("GET", "/sandbox/live")[1]["figures"]
        return found

    eventually(lambda: int(figures()["paid_count"].replace(",", "")) >= 20, 60)
    eventually(lambda: int(figures()["notification_count"].replace(",", "")) >= 1, 30)
    assert float(figures()["paid_total"].lstrip("¥").replace(",", "")) > 20
    # What one process counted while it ran and what another counts at once must agree.
    seen = {figures()["paid_count"] for _ in range(8)}
    assert len(seen) <= 3


def test_traffic_pays_in_instalments_by_several_lenders(demo: RunningPlatform) -> None:
    url = (read_status(demo.data) or {})["database_url"]
    with psycopg.connect(url, autocommit=True) as connection:

        def count(sql: str) -> int:
            return int((connection.execute(sql).fetchone() or (0,))[0])

        split = "FROM plan WHERE instalments > 1 AND status IN ('active', 'completed', 'refunded')"
        eventually(lambda: count(f"SELECT count(DISTINCT lender_id) {split} AND funding = 'external'") >= 3, 120)
        eventually(lambda: count(f"SELECT count(*) {split} AND funding = 'own'") >= 1, 60)
        eventually(lambda: count(f"SELECT count(*) {split} AND cardinality(sponsors) > 0") >= 1, 60)


def test_wallets_show_the_same_codes_in_every_process(demo: RunningPlatform) -> None:
    # Codes are replaced as time passes, and a process looks at them once a second.
    def shown_alike() -> bool:
        shown = [demo.request("GET", "/sandbox/wallets")[1]["wallets"] for _ in range(6)]
        assert {len(wallets) for wallets in shown} == {4}
        codes = {tuple(wallet["code"] for wallet in wallets) for wallets in shown}
        assert all(re.fullmatch(r"28\d{16}", code) for wallet in codes for code in wallet)
        return len(codes) == 1

    eventually(shown_alike, 10)


def test_a_wallet_keeps_its_code_while_others_are_minted(demo: RunningPlatform) -> None:
    def shown() -> dict[str, str]:
        return {each["user_id"]: each["code"] for each in demo.request("GET", "/sandbox/wallets")[1]["wallets"]}

    before = shown()
    (user_id, *_) = before
    minted = [demo.request("GET", f"/sandbox/code?user_id={user_id}")[1].strip() for _ in range(3)]
    time.sleep(1.2)  # each process looks again after a second
    assert {shown()[user_id] for _ in range(4)}.isdisjoint(minted)


def test_each_code_for_snippets_is_a_fresh_one(demo: RunningPlatform) -> None:
    codes = {demo.request("GET", "/sandbox/code")[1].strip() for _ in range(5)}
    assert len(codes) == 5
    assert demo.request("GET", "/sandbox/code?user_id=2088000000000000")[0] == 404


def test_the_demo_order_opens_its_cashier(demo: RunningPlatform) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", demo.port, timeout=30)
    connection.request("GET", "/?lang=en")
    page = connection.getresponse()
    cookie = SimpleCookie(page.headers["set-cookie"])["chuanliu_start"].value
    page.read()
    headers = {"content-type": "application/x-www-form-urlencoded", "cookie": f"chuanliu_start={cookie}"}

    def posted(token: str) -> http.client.HTTPResponse:
        connection.request("POST", "/sandbox/orders", urlencode({"csrf_token": token, "lang": "en"}), headers)
        answer = connection.getresponse()
        answer.read()
        return answer

    assert posted("another's").status == 403
    made = posted(cookie)
    assert made.status == 303
    status, cashier = demo.request("GET", made.headers["location"])
    assert status == 200 and 'data-stage="sign-in"' in cashier and "88.88" in cashier
    connection.close()


@pytest.mark.parametrize(
    ("name", "file_name", "sdk"),
    [
        ("python-community", "snippet.py", COMMUNITY_PYTHON),
        ("python-official", "snippet.py", OFFICIAL_PYTHON),
        ("node-v2", "snippet.mjs", NODE),
        ("node-v3", "snippet.mjs", NODE),
    ],
)
def test_snippets_run_as_printed(name: str, file_name: str, sdk: Sdk, snippets: dict[str, str], tmp_path: Path) -> None:
    if name not in snippets:
        pytest.skip("127.0.0.77:80 could not be bound by the platform, and the SDK takes no other port")
    try:
        environment = sdk.environment()
    except Missing as missing:
        pytest.skip(f"{sdk.name}: {missing}")
    script = tmp_path / file_name
    script.write_text(snippets[name], "utf-8")
    if sdk is NODE:
        (tmp_path / "node_modules").symlink_to(environment.folder / "node_modules")
    for _ in range(2):  # each time they are run
        done = subprocess.run(
            [str(environment.interpreter), str(script)],
            env=dict(environment.variables()),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "TRADE_SUCCESS" in done.stdout and "1.00" in done.stdout, done.stdout


def test_the_curl_snippet_runs_as_printed(snippets: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed (Debian package curl)")
    script = tmp_path / "snippet.sh"
    script.write_text(snippets["curl"], "utf-8")
    done = subprocess.run(["sh", str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"succeeded"' in done.stdout and '"1.00"' in done.stdout, done.stdout
