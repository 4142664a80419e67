"""The tests' side of a driver: a subprocess in the SDK's environment, spoken to in JSON lines."""

from __future__ import annotations

import json
import select
import subprocess
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal

from sdk.environments import Environment

DRIVERS: Final = Path(__file__).parent / "drivers"
CALL_SECONDS_MAX: Final = 60


class SdkError(Exception):
    """The SDK raised instead of returning. `kind` is the exception's class name inside the SDK."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(f"{kind}: {message}")


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM texts for certificate mode; `root` has a blank line between its certificates."""

    app: str
    platform: str
    root: str


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """What a merchant types into an SDK. Keys are bare base64; `url` is the platform's origin without a path."""

    url: str
    app_id: str
    app_private_key: str
    platform_public_key: str
    key_format: Literal["PKCS1", "PKCS8"] = "PKCS8"
    charset: str = "utf-8"
    sign_type: Literal["RSA", "RSA2"] = "RSA2"
    version: Literal["v2", "v3"] = "v2"
    encrypt_key: str | None = None
    certificates: Certificates | None = None


class Driver:
    """A running driver process. Several clients, each with credentials of its own, can be open in it."""

    def __init__(self, environment: Environment, script: str) -> None:
        self._names = count(1)
        self._process = subprocess.Popen(
            [str(environment.interpreter), str(DRIVERS / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(environment.variables()),
            encoding="utf-8",
        )

    def open(self, config: ClientConfig) -> Client:
        """A client of the SDK with these credentials."""
        name = str(next(self._names))
        self._ask({"call": "open", "client": name, "config": asdict(config)})
        return Client(self, name)

    def call(self, client: str, name: str, arguments: dict[str, Any]) -> Any:
        """Carry out one call. Raises `SdkError` where the SDK raised."""
        return self._ask({"call": name, "client": client, "arguments": arguments})

    def _ask(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], CALL_SECONDS_MAX)[0]:
            raise TimeoutError(f"the SDK did not return from {request['call']}")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the driver ended with {self._process.wait()} during {request['call']}")
        answer = json.loads(line)
        if not answer["ok"]:
            raise SdkError(answer["error"]["type"], answer["error"]["message"])
        return answer["result"]

    def stop(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True, slots=True)
class Client:
    """One merchant's SDK client inside a driver."""

    driver: Driver
    name: str

    def trade(self, call: str, biz: dict[str, Any], *, notify_url: str | None = None) -> dict[str, Any]:
        """A server-to-server call: pay, create, precreate, query, refund, refund_query, close or cancel."""
        result = self.driver.call(self.name, call, {"biz": biz, "notify_url": notify_url})
        assert isinstance(result, dict), f"{call} returned {result!r}"
        return result

    def page(
        self,
        call: Literal["page_pay", "wap_pay", "app_pay"],
        biz: dict[str, Any],
        *,
        http_method: Literal["GET", "POST"] = "GET",
        return_url: str | None = None,
        notify_url: str | None = None,
    ) -> str:
        """What the merchant hands to the browser or the app: a URL, a form that submits itself, or an order string."""
        arguments = {"biz": biz, "http_method": http_method, "notify_url": notify_url}
        if return_url is not None:
            arguments["return_url"] = return_url
        return str(self.driver.call(self.name, call, arguments))

    def execute(self, method: str, biz: dict[str, Any]) -> dict[str, Any]:
        """Any method by its full name, by the SDK's generic call."""
        result = self.driver.call(self.name, "raw_execute", {"method": method, "biz": biz})
        assert isinstance(result, dict), f"{method} returned {result!r}"
        return result

    def curl(self, http_method: str, path: str, **options: Any) -> dict[str, Any]:
        """A v3 call by path, with `query` or `body` (Node only)."""
        result = self.driver.call(self.name, "curl", {"http_method": http_method, "path": path, **options})
        assert isinstance(result, dict), f"{path} returned {result!r}"
        return result

    def verifies(self, form: str) -> bool:
        """Whether the SDK accepts the signature of a notification's (or return URL's) urlencoded form."""
        return bool(self.driver.call(self.name, "verify_notification", {"form": form}))
