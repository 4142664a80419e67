"""A Kubernetes API server as far as units need one: a deployment's scale, its pods, and the controller behind them.

For tests and demonstrations: pods start and end after times that are given, and the surplus is chosen as ReplicaSets
do: pods that are not ready first, then the lowest `pod-deletion-cost`, then the youngest.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

COST: Final = "controller.kubernetes.io/pod-deletion-cost"
_SCALE: Final = re.compile(r"/apis/apps/v1/namespaces/([^/]+)/deployments/([^/]+)/scale")
_PODS: Final = re.compile(r"/api/v1/namespaces/([^/]+)/pods(?:/([^/]+))?")


@dataclass
class _Pod:
    name: str
    made_at: float
    stuck: bool
    annotations: dict[str, str] = field(default_factory=dict)
    deleted_at: float | None = None


@dataclass
class SimulatedCluster:
    """One deployment. `start_s` passes from a pod's making to its being ready, `stop_s` from its deletion to its end.

    `quota` bounds the pods there may be; pods that are made while it is `stuck` are never ready. While others write the
    scale, it has changed after each reading. `clock` gives seconds.
    """

    token: str = "token"  # noqa: S105 - of a simulator
    namespace: str = "pay"
    deployment: str = "gate"
    replicas: int = 1
    start_s: float = 0.2
    stop_s: float = 0.2
    quota: int = 100
    stuck: bool = False
    heeds_cost: bool = True
    others_write: bool = False
    clock: Callable[[], float] = time.monotonic
    version: int = 1
    pods: dict[str, _Pod] = field(default_factory=dict)
    _made: int = 0

    def settle(self) -> None:
        """Do what a controller does: end pods, delete the surplus, make what is missing."""
        now = self.clock()
        for pod in list(self.pods.values()):
            if pod.deleted_at is not None and now >= pod.deleted_at + self.stop_s:
                del self.pods[pod.name]
        standing = [pod for pod in self.pods.values() if pod.deleted_at is None]
        for pod in sorted(standing, key=self._rank)[: max(0, len(standing) - self.replicas)]:
            pod.deleted_at = now
        while len(standing) < self.replicas and len(self.pods) < self.quota:
            self._made += 1
            pod = _Pod(f"{self.deployment}-{self._made:03d}", now, self.stuck)
            self.pods[pod.name] = pod
            standing.append(pod)

    def _rank(self, pod: _Pod) -> tuple[bool, int, float]:
        cost = int(pod.annotations.get(COST, "0")) if self.heeds_cost else 0
        return self.is_ready(pod), cost, -pod.made_at

    def is_ready(self, pod: _Pod) -> bool:
        """Whether a pod serves."""
        return not pod.stuck and pod.deleted_at is None and self.clock() >= pod.made_at + self.start_s

    def ready(self) -> list[str]:
        """The pods that serve."""
        self.settle()
        return [pod.name for pod in self.pods.values() if self.is_ready(pod)]

    def scale(self) -> dict[str, Any]:
        """The scale subresource."""
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {
                "name": self.deployment,
                "namespace": self.namespace,
                "resourceVersion": str(self.version),
            },
            "spec": {"replicas": self.replicas},
            "status": {"replicas": len(self.pods), "selector": f"app={self.deployment}"},
        }

    def document(self, pod: _Pod) -> dict[str, Any]:
        """A pod as it is listed."""
        metadata: dict[str, Any] = {
            "name": pod.name,
            "namespace": self.namespace,
            "labels": {"app": self.deployment},
            "annotations": pod.annotations,
            "creationTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(pod.made_at)),
        }
        if pod.deleted_at is not None:
            metadata["deletionTimestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(pod.deleted_at))
        ready = {"type": "Ready", "status": "True" if self.is_ready(pod) else "False"}
        phase = "Running" if self.is_ready(pod) else "Pending"
        return {"metadata": metadata, "status": {"phase": phase, "conditions": [ready]}}


class _Handler(BaseHTTPRequestHandler):
    cluster: SimulatedCluster
    lock: threading.Lock
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def do_GET(self) -> None:
        self._handle(self._get)

    def do_PUT(self) -> None:
        self._handle(self._put)

    def do_PATCH(self) -> None:
        self._handle(self._patch)

    def do_DELETE(self) -> None:
        self._handle(self._delete)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""

    def _handle(self, react: Callable[[str, str, dict[str, Any]], tuple[int, dict[str, Any]]]) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        with self.lock:
            self.cluster.settle()
            if self.headers.get("authorization") != f"Bearer {self.cluster.token}":
                status, answer = _failure(401, "Unauthorized")
            else:
                parts = urlsplit(self.path)
                status, answer = react(parts.path, parts.query, body)
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _is_scale(self, path: str) -> bool:
        found = _SCALE.fullmatch(path)
        return found is not None and found.groups() == (self.cluster.namespace, self.cluster.deployment)

    def _pod(self, path: str) -> _Pod | None:
        found = _PODS.fullmatch(path)
        return self.cluster.pods.get(found[2] or "") if found and found[1] == self.cluster.namespace else None

    def _get(self, path: str, query: str, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        cluster = self.cluster
        if self._is_scale(path):
            scale = cluster.scale()
            cluster.version += cluster.others_write
            return 200, scale
        found = _PODS.fullmatch(path)
        if found and found[1] == cluster.namespace and not found[2]:
            selected = parse_qs(query).get("labelSelector") == [f"app={cluster.deployment}"]
            return 200, {"items": [cluster.document(pod) for pod in cluster.pods.values()] if selected else []}
        return _failure(404, f'"{path}" not found')

    def _put(self, path: str, _query: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        cluster = self.cluster
        if not self._is_scale(path):
            return _failure(404, f'"{path}" not found')
        if body["metadata"].get("resourceVersion") not in (None, str(cluster.version)):
            return _failure(409, "the object has been modified; please apply your changes to the latest version")
        cluster.replicas = int(body["spec"]["replicas"])
        cluster.version += 1
        return 200, cluster.scale()

    def _patch(self, path: str, _query: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.headers.get("content-type") not in {"application/merge-patch+json", "application/json-patch+json"}:
            return _failure(415, "the body of the request was in an unknown format")
        pod = self._pod(path)
        if pod is None:
            return _failure(404, f'"{path}" not found')
        pod.annotations.update(body["metadata"]["annotations"])
        return 200, self.cluster.document(pod)

    def _delete(self, path: str, _query: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        pod = self._pod(path)
        if pod is None:
            return _failure(404, f'"{path}" not found')
        pod.deleted_at = self.cluster.clock()
        if body.get("gracePeriodSeconds") == 0:
            del self.cluster.pods[pod.name]
        self.cluster.settle()
        return 200, self.cluster.document(pod)


def _failure(code: int, message: str) -> tuple[int, dict[str, Any]]:
    return code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


@contextmanager
def simulated_api_server(cluster: SimulatedCluster) -> Iterator[str]:
    """Serve a cluster on a free port of loopback; gives the URL."""
    handler = type("Handler", (_Handler,), {"cluster": cluster, "lock": threading.Lock()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
