"""Pods of a Deployment as units: the `scale` subresource and pods of a Kubernetes API server.

Which pod a scale-down takes is the ReplicaSet's to choose; the annotation `controller.kubernetes.io/pod-deletion-cost`
tells it (https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost). Rights that are
needed: get and update of deployments/scale, list, patch and delete of pods.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

import httpcore
import msgspec

from chuanliu.elastic.units import Seen
from chuanliu.errors import Invalid, Unavailable

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
_TIMEOUTS: Final = {"connect": 4.0, "read": 10.0, "write": 10.0, "pool": 4.0}
_LEAVE_FIRST: Final = "-1000"


@dataclass(frozen=True)
class Cluster:
    """Where an API server is, and what proves who asks. The token file is read for each call: it is changed hourly."""

    url: str
    token_file: Path | None = None
    ca_file: Path | None = None

    @classmethod
    def inside(cls, host: str, port: str, account: Path = SERVICE_ACCOUNT) -> Self:
        """The cluster that this pod runs in, from KUBERNETES_SERVICE_HOST and _PORT and its service account."""
        name = f"[{host}]" if ":" in host else host
        return cls(f"https://{name}:{port}", account / "token", account / "ca.crt")


class KubernetesUnits:
    """A provider of units, each of which is a pod. A unit that was asked for has its name before it has a pod.

    The scale is always written as a whole: pods that are to stay, and those that were asked for. So a pod that the
    cluster has replaced by itself is not replaced twice. Every call raises `Unavailable` when the API server does not
    do as it was asked.
    """

    def __init__(self, cluster: Cluster, namespace: str, deployment: str) -> None:
        tls = None
        try:
            if cluster.url.startswith("https://"):
                tls = ssl.create_default_context(cafile=str(cluster.ca_file) if cluster.ca_file else None)
        except OSError as error:
            raise Invalid("invalid_parameter", f"{cluster.ca_file} cannot be read: {error.strerror}") from None
        self._cluster = cluster
        self._pool = httpcore.ConnectionPool(ssl_context=tls, max_connections=2, keepalive_expiry=30)
        self._pods = f"/api/v1/namespaces/{quote(namespace)}/pods"
        self._scale = f"/apis/apps/v1/namespaces/{quote(namespace)}/deployments/{quote(deployment)}/scale"
        self._unit_of: dict[str, str] = {}
        self._without_pod: list[str] = []
        self._standing: list[str] = []
        self._told: list[str] = []
        self._number = 0

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def pod_of(self, name: str) -> str | None:
        """The pod that is a unit."""
        return next((pod for pod, unit in self._unit_of.items() if unit == name), None)

    def seen(self) -> dict[str, Seen]:
        """All pods of the deployment. A new pod is the unit that was asked for first and has none yet.

        Where the cluster let another pod go than the one that was told to, that one is a unit anew, and stays.
        """
        scale = self._call("GET", self._scale)
        selector = str(scale.get("status", {}).get("selector", ""))
        if not selector:
            raise Unavailable("the deployment tells no selector of its pods")
        listed = _by_age(self._call("GET", f"{self._pods}?labelSelector={quote(selector)}").get("items", []))
        pods = {pod["metadata"]["name"]: how for pod in listed if (how := _how(pod)) is not Seen.ABSENT}
        self._standing = [pod for pod, how in pods.items() if how is not Seen.LEAVING]
        self._told = [pod for pod in self._told if pod in self._standing]
        surplus = max(0, len(self._standing) - int(scale.get("spec", {}).get("replicas", 0)))
        while len(self._told) > surplus:
            self._unit_of.pop(self._told.pop(0), None)
        self._unit_of = {pod: unit for pod, unit in self._unit_of.items() if pod in pods}
        for pod, how in pods.items():
            if pod not in self._unit_of:
                is_asked = bool(self._without_pod) and how is not Seen.LEAVING
                self._unit_of[pod] = self._without_pod.pop(0) if is_asked else self._next_name()
        return {self._unit_of[pod]: how for pod, how in pods.items()}

    def ask(self) -> str | None:
        """One replica more."""
        name = self._next_name()
        self._write_scale(1)
        self._without_pod.append(name)
        return name

    def drain(self, name: str) -> None:
        """One replica less, and this pod the first to go: it is told to stop, and drains."""
        self._tell(name)

    def kill(self, name: str) -> None:
        """As `drain`, and the pod is deleted without grace."""
        pod = self.pod_of(name)
        if pod is None or pod not in self._told:
            self._tell(name)
        if pod is not None:
            body = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
            self._call("DELETE", f"{self._pods}/{quote(pod)}", body, missing_is_fine=True)

    def _tell(self, name: str) -> None:
        pod = self.pod_of(name)
        if pod is None:
            if name in self._without_pod:
                self._write_scale(-1)
                self._without_pod.remove(name)
        elif pod in self._standing and pod not in self._told:
            cost = {"metadata": {"annotations": {DELETION_COST: _LEAVE_FIRST}}}
            self._call("PATCH", f"{self._pods}/{quote(pod)}", cost, missing_is_fine=True)
            self._write_scale(-1)
            self._told.append(pod)

    def _next_name(self) -> str:
        self._number += 1
        return f"unit-{self._number}"

    def _write_scale(self, more: int) -> None:
        """With the version that was read: whoever else scales the deployment meanwhile is noticed, not overwritten."""
        replicas = max(0, len(self._standing) - len(self._told) + len(self._without_pod) + more)
        scale = self._call("GET", self._scale)
        metadata = {key: scale["metadata"][key] for key in ("name", "namespace", "resourceVersion")}
        body = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": {"replicas": replicas}}
        self._call("PUT", self._scale, body)

    def _call(self, method: str, path: str, body: Any = None, *, missing_is_fine: bool = False) -> dict[str, Any]:
        headers: dict[str | bytes, str | bytes] = {"accept": "application/json", "user-agent": "chuanliu"}
        if body is not None:
            headers["content-type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        try:
            if self._cluster.token_file is not None:
                headers["authorization"] = f"Bearer {self._cluster.token_file.read_text().strip()}"
            response = self._pool.request(
                method,
                self._cluster.url + path,
                headers=headers,
                content=None if body is None else msgspec.json.encode(body),
                extensions={"timeout": _TIMEOUTS},
            )
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise Unavailable(f"{method} {path}: {error or type(error).__name__}") from None
        if response.status == 404 and missing_is_fine:
            return {}
        try:
            answer = msgspec.json.decode(response.content, type=dict[str, Any])
        except msgspec.DecodeError:
            answer = {"message": "an answer that is no JSON object"}
        if response.status >= 300:
            reason = f"{method} {path}: {response.status} {str(answer.get('message', ''))[:200]}"
            raise Unavailable(reason)
        return answer


def _by_age(pods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", pod["metadata"]["name"]))


def _how(pod: dict[str, Any]) -> Seen:
    status = pod.get("status", {})
    if status.get("phase") in {"Succeeded", "Failed"}:
        return Seen.ABSENT  # evicted, or ended: its Deployment has made another one
    if pod["metadata"].get("deletionTimestamp"):
        return Seen.LEAVING
    is_ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in status.get("conditions", []))
    return Seen.READY if is_ready else Seen.STARTING
