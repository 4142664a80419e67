"""A plan for clusters that exist: the answer of a KEDA `metrics-api` trigger, and Kubernetes manifests.

KEDA asks for JSON and reads one number from it; with a target value of 1 that number is the wanted replicas
(https://keda.sh/docs/latest/scalers/metrics-api/).
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from chuanliu.capacity.plan import Plan
from chuanliu.clock import Micros, iso_text
from chuanliu.errors import Invalid

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""RFC 1123 labels, as Kubernetes has them."""
POLL_S: Final = 15


class WantedUnits(msgspec.Struct, frozen=True, kw_only=True):
    """What KEDA is told: `units` to have at `until` at the latest, for they are asked for the lag before they serve."""

    units: int
    at: str
    until: str


def wanted_units(plan: Plan, start: Micros, step: Micros, now: Micros, lag: Micros) -> WantedUnits:
    """The most units of any slot from `now` until the lag after it. After the plan's end its base; before its start,
    what the first slots need.
    """
    first = max((now - start) // step, 0)
    last = max((now + lag - start) // step, 0)
    slots = range(first, min(last + 1, len(plan.elastic_units)))
    units = max((plan.units(slot) for slot in slots), default=plan.base_units)
    return WantedUnits(units=units, at=iso_text(now), until=iso_text(now + lag))


def manifests(
    *, name: str, namespace: str, image: str, metrics_url: str | None, units_min: int, units_max: int, drain_s: int = 30
) -> list[dict[str, Any]]:
    """Deployment, Service and PodDisruptionBudget for gateway pods, each of which is a unit; and what scales them: a
    KEDA ScaledObject that asks `metrics_url`, or without one `chuanliu capacity scale` with the rights that it needs.

    Raises `Invalid` for a name that Kubernetes would not take, and for bounds that cross.
    """
    for field, value in (("name", name), ("namespace", namespace)):
        if not _NAME.fullmatch(value):
            raise Invalid("invalid_parameter", f"`{value}` is no name for Kubernetes", field=field)
    if not image or (metrics_url is not None and not metrics_url.startswith(("http://", "https://"))):
        raise Invalid("invalid_parameter", "an image must be given, and the metrics have an http(s) URL")
    if not 0 < units_min <= units_max:
        raise Invalid("invalid_parameter", "units must be at least 1, and no more than the most", field="units_min")
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "chuanliu"}
    probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 2}
    container = {
        "name": "gateway",
        "image": image,
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": probe,
        # Endpoints forget a pod a little after it is told to stop; it drains meanwhile.
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
        "env": [{"name": "CHUANLIU_LINGER_S", "value": "10"}],
        "envFrom": [{"secretRef": {"name": f"{name}-settings"}}],
    }
    pod = {"terminationGracePeriodSeconds": drain_s + 10, "containers": [container]}

    def one(api: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}

    selector = {"matchLabels": labels}
    scaled = (
        [one("keda.sh/v1alpha1", "ScaledObject", _scaled_object(name, metrics_url, units_min, units_max))]
        if metrics_url is not None
        else _controller(name, namespace, image, units_min, units_max)
    )
    return [
        # No replicas: they are the scaler's to set.
        one("apps/v1", "Deployment", {"selector": selector, "template": {"metadata": {"labels": labels}, "spec": pod}}),
        one("v1", "Service", {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}),
        one("policy/v1", "PodDisruptionBudget", {"selector": selector, "maxUnavailable": 1}),
        *scaled,
    ]


def _scaled_object(name: str, metrics_url: str, units_min: int, units_max: int) -> dict[str, Any]:
    trigger = {
        "type": "metrics-api",
        "metricType": "AverageValue",
        "metadata": {"url": metrics_url, "valueLocation": "units", "targetValue": "1"},
    }
    return {
        "scaleTargetRef": {"name": name},
        "pollingInterval": POLL_S,
        "minReplicaCount": units_min,
        "maxReplicaCount": units_max,
        "fallback": {"failureThreshold": 3, "replicas": units_max},
        "advanced": {
            "horizontalPodAutoscalerConfig": {
                # The plan says when units leave; the cluster adds no hesitation of its own.
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}
            }
        },
        "triggers": [trigger],
    }


def _controller(name: str, namespace: str, image: str, units_min: int, units_max: int) -> list[dict[str, Any]]:
    """One pod of `chuanliu capacity scale`, with a service account that may scale this deployment and end its pods."""
    scaler = f"{name}-scaler"
    labels = {"app.kubernetes.io/name": scaler, "app.kubernetes.io/part-of": "chuanliu"}
    metadata = {"name": scaler, "namespace": namespace, "labels": labels}
    command = ["chuanliu", "capacity", "scale", "--deployment", name, "--namespace", namespace]
    bounds = ["--units-min", str(units_min), "--units-max", str(units_max)]
    pod = {
        "serviceAccountName": scaler,
        "containers": [
            {
                "name": "scaler",
                "image": image,
                "command": [*command, *bounds, "--calendar", "/calendar/calendar.yaml", "--metrics-port", "9701"],
                "ports": [{"name": "metrics", "containerPort": 9701}],
                "envFrom": [{"secretRef": {"name": f"{name}-settings"}}],
                "volumeMounts": [{"name": "calendar", "mountPath": "/calendar", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "calendar", "configMap": {"name": f"{name}-calendar"}}],
    }
    scale = {"apiGroups": ["apps"], "resources": ["deployments/scale"], "resourceNames": [name]}
    rules = [
        {**scale, "verbs": ["get", "update"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "patch", "delete"]},
    ]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": scaler}
    subjects = [{"kind": "ServiceAccount", "name": scaler, "namespace": namespace}]
    deployment = {
        "replicas": 1,
        # Two at once would each write what they see.
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    rbac = "rbac.authorization.k8s.io/v1"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": rbac, "kind": "Role", "metadata": metadata, "rules": rules},
        {"apiVersion": rbac, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": subjects},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": deployment},
    ]
