"""The baseline is a payment system that keeps its books: what is compared against must be right as well."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

pytest.importorskip("fastapi", reason="the extra chuanliu[bench] is not installed")
pytest.importorskip("sqlalchemy", reason="the extra chuanliu[bench] is not installed")

from chuanliu.bench.baseline.running_server import DATABASE, RunningBaseline
from chuanliu.bench.payment_load import PaymentLoad
from chuanliu.bench.target import Requests, Tally


@pytest.fixture(scope="module")
def baseline(postgres_url: str) -> Iterator[RunningBaseline]:
    with RunningBaseline(postgres_url, workers=2, merchants=3) as running:
        yield running


def filled(requests: Requests) -> list[bytes]:
    lines = Path(requests.spool_path).read_bytes().splitlines()
    return [requests.template % tuple(line.split(b"\t")) for line in lines]


def send(baseline: RunningBaseline, request: bytes) -> tuple[int, dict[str, object]]:
    head, _, body = request.partition(b"\r\n\r\n")
    _, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    connection = HTTPConnection(baseline.host, baseline.port, timeout=10)
    try:
        connection.request("POST", "/v1/payments", body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def stored(url: str) -> int:
    with psycopg.connect(make_conninfo(url, dbname=DATABASE)) as connection:
        row = connection.execute("SELECT count(*) FROM payment").fetchone()
    assert row is not None
    return int(row[0])


def test_a_payment_its_repetition_and_what_is_refused(
    baseline: RunningBaseline, postgres_url: str, tmp_path: Path
) -> None:
    first, second = filled(baseline.make_requests(2, tmp_path))
    before = stored(postgres_url)
    status, paid = send(baseline, first)
    assert (status, paid["status"]) == (201, "TRADE_SUCCESS")
    used_code = first.split(b'"payment_code":"')[1][:18]
    other_code = second.split(b'"payment_code":"')[1][:18]
    assert send(baseline, first.replace(used_code, other_code))[1]["order_id"] == paid["order_id"]
    assert send(baseline, first.replace(used_code, other_code).replace(b'"1.00"', b'"1.01"'))[0] == 409
    assert send(baseline, second.replace(other_code, used_code))[0] == 422
    assert send(baseline, second.replace(b"Bearer sk_", b"Bearer no_"))[0] == 401
    assert send(baseline, second.replace(b'"1.00"', b'"1e00"').replace(b"1e00", b"1e+0"))[0] == 400
    assert stored(postgres_url) == before + 1


def test_one_code_pays_once_under_concurrency(baseline: RunningBaseline, postgres_url: str, tmp_path: Path) -> None:
    requests = filled(baseline.make_requests(16, tmp_path))
    code = requests[0].split(b'"payment_code":"')[1][:18]
    same_code = [
        request.split(b'"payment_code":"')[0] + b'"payment_code":"' + code + request.split(b'"payment_code":"')[1][18:]
        for request in requests
    ]
    before = stored(postgres_url)
    with ThreadPoolExecutor(16) as pool:
        statuses = [status for status, _ in pool.map(lambda one: send(baseline, one), same_code)]
    assert sorted(statuses) == [201] + [422] * 15
    assert stored(postgres_url) == before + 1


def test_the_audit_is_clean_and_finds_what_is_off(postgres_url: str, tmp_path: Path, baseline: RunningBaseline) -> None:
    before = stored(postgres_url)
    load = PaymentLoad(baseline, tmp_path, seconds=1, connections=4)
    result = load.run(baseline.make_requests(60, tmp_path), 30)
    assert result.accepted_ever == load.tally.acknowledged == 60
    tally = Tally(acknowledged=before + 60, unknown=0)
    assert baseline.audit(tally) == "clean"
    assert baseline.audit(Tally(acknowledged=before + 61, unknown=0)) != "clean"
    assert baseline.audit(Tally(acknowledged=before + 59, unknown=0)) != "clean"
    assert baseline.audit(Tally(acknowledged=before + 59, unknown=1)) == "clean"
    with psycopg.connect(make_conninfo(postgres_url, dbname=DATABASE), autocommit=True) as connection:
        connection.execute("UPDATE account SET balance_minor = balance_minor + 1 WHERE account_id = 1000000")
        try:
            assert "moved" in baseline.audit(tally)
        finally:
            connection.execute("UPDATE account SET balance_minor = balance_minor - 1 WHERE account_id = 1000000")
    assert list(tmp_path.glob("*.spool")) == []
