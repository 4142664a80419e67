"""The plan for KEDA and Kubernetes, and the forecast's report on the command line."""

from __future__ import annotations

import http.client
import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.main import get_group
from typer.testing import CliRunner

from calendars.test_calendar import STEP
from chuanliu.calendars import EventFeed
from chuanliu.capacity import Terms, make_plan, manifests, wanted_units
from chuanliu.cli import app
from chuanliu.cli.capacity_commands import app as capacity
from chuanliu.cli.capacity_outputs import PlanFeed, plan_server
from chuanliu.clock import HOUR, MINUTE, from_datetime, iso_text
from chuanliu.errors import Invalid

GIVEN = {
    "name": "gate",
    "namespace": "pay",
    "image": "registry.example/gate:1",
    "metrics_url": "http://plan:9700/v1/units",
}


def test_units_are_wanted_a_lag_before_they_serve() -> None:
    plan = make_plan(["a"], np.array([[0, 0, 90, 0.0]]), Terms(unit_rate=50, units_max=9, base_price=1.0))
    step, start = 5 * MINUTE, 1_000 * HOUR
    wanted = [wanted_units(plan, start, step, start + n * MINUTE, 5 * MINUTE).units for n in (0, 4, 5, 10, 14, 15, 90)]
    assert wanted == [0, 0, 2, 2, 2, 0, 0]


def test_manifests_are_a_scaled_deployment() -> None:
    found = {one["kind"]: one for one in manifests(**GIVEN, units_min=2, units_max=40)}
    assert list(found) == ["Deployment", "Service", "PodDisruptionBudget", "ScaledObject"]
    scaled = found["ScaledObject"]["spec"]
    assert (scaled["minReplicaCount"], scaled["maxReplicaCount"]) == (2, 40)
    assert scaled["scaleTargetRef"]["name"] == found["Deployment"]["metadata"]["name"]
    assert scaled["triggers"][0]["metadata"] == {
        "url": GIVEN["metrics_url"], "valueLocation": "units", "targetValue": "1"
    }  # fmt: skip
    deployment = found["Deployment"]["spec"]
    assert "replicas" not in deployment
    assert deployment["selector"]["matchLabels"].items() <= deployment["template"]["metadata"]["labels"].items()
    for change in ({"name": "Gate!"}, {"namespace": ""}, {"metrics_url": "plan"}, {"image": ""}):
        with pytest.raises(Invalid):
            manifests(**{**GIVEN, **change}, units_min=2, units_max=40)
    with pytest.raises(Invalid, match="no more than the most"):
        manifests(**GIVEN, units_min=5, units_max=4)


def test_without_keda_a_controller_has_just_the_rights_that_it_needs() -> None:
    found = manifests(**{**GIVEN, "metrics_url": None}, units_min=2, units_max=40)
    kinds = [one["kind"] for one in found]
    assert kinds[:3] == ["Deployment", "Service", "PodDisruptionBudget"]
    assert kinds[3:] == ["ServiceAccount", "Role", "RoleBinding", "Deployment"]
    account, role, binding, controller = found[3:]
    pod = controller["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == account["metadata"]["name"] == binding["subjects"][0]["name"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert {resource: rule["verbs"] for rule in role["rules"] for resource in rule["resources"]} == {
        "deployments/scale": ["get", "update"],
        "pods": ["list", "patch", "delete"],
    }
    assert "replicas" not in found[0]["spec"] and controller["spec"]["replicas"] == 1
    command = pod["containers"][0]["command"]
    group = get_group(capacity)
    known = {name for each in group.commands["scale"].params for name in each.opts}
    assert {word for word in command if word.startswith("--")} <= known
    assert command[command.index("--deployment") + 1] == found[0]["metadata"]["name"]


def test_the_command_prints_yaml_that_reads_back() -> None:
    given = ["--image", "gate:1", "--metrics-url", GIVEN["metrics_url"]]
    done = CliRunner().invoke(app, ["capacity", "manifests", *given])
    assert done.exit_code == 0
    listed = CliRunner().invoke(app, ["capacity", "manifests", *given, "--json"])
    assert list(yaml.safe_load_all(done.stdout)) == json.loads(listed.stdout)["items"]


def test_the_feed_follows_its_calendar_and_keeps_the_last_plan_when_that_breaks(tmp_path: Path) -> None:
    path = tmp_path / "calendar.yaml"
    path.write_text(STEP)
    feed = PlanFeed(EventFeed(path), unit_rate=100, units_max=9, lag=5 * MINUTE)
    before = from_datetime(yaml.safe_load("2026-11-11T11:50:00+00:00"))
    assert [feed.wanted(before + n * MINUTE).units for n in (0, 6, 30, 71)] == [0, 3, 3, 0]
    path.write_text(STEP.replace("300", "500"))
    os.utime(path, ns=(1, 1))
    assert feed.wanted(before + 30 * MINUTE).units == 5
    path.write_text("events: 3")
    os.utime(path, ns=(2, 2))
    assert feed.wanted(before + 30 * MINUTE).units == 5 and "line 1" in feed.problem
    path.write_text(STEP.replace("300", "5000"))
    os.utime(path, ns=(3, 3))
    assert feed.wanted(before + 30 * MINUTE).units == 5 and "9 units serve 900/s" in feed.problem


def test_the_server_answers_keda(tmp_path: Path) -> None:
    path = tmp_path / "calendar.yaml"
    for text, status in ((STEP, 200), ("events: 3", 503)):
        path.write_text(text)
        with plan_server(PlanFeed(EventFeed(path), unit_rate=100, units_max=9, lag=0), "127.0.0.1", 0) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
                connection.request("GET", "/v1/units")
                answer = connection.getresponse()
                body = json.loads(answer.read())
                assert answer.status == status
                assert isinstance(body["units"], int) if status == 200 else "line 1" in body["problem"]
                connection.request("GET", "/other")
                assert connection.getresponse().status == 404
                connection.close()
            finally:
                server.shutdown()
                thread.join()


def test_forecast_reports_loss_and_coverage(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    rows = [f"{iso_text(n * HOUR)},a,{100 + n % 24}" for n in range(24 * 5)]
    path.write_text("\n".join(["time,tenant,requests_per_s", *rows]))
    done = CliRunner().invoke(app, ["capacity", "forecast", "--trace", str(path), "--json"])
    found = json.loads(done.stdout)
    assert [one["probability"] for one in found["scores"]] == [0.5, 0.9, 0.99]
    assert found["is_short"] is False and found["events"]["count"] == 0
    assert "coverage" in CliRunner().invoke(app, ["capacity", "forecast", "--trace", str(path)]).stdout
    wrong = CliRunner().invoke(app, ["capacity", "forecast", "--trace", str(path), "--held-back", "1"])
    assert wrong.exit_code != 0
