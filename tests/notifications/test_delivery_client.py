import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chuanliu.connectors import Breaker
from chuanliu.notifications import (
    DeliveryClient,
    DeliveryLimits,
    DeliveryResult,
    DestinationPolicy,
    alipay_acknowledged,
    native_acknowledged,
)

SANDBOX = DestinationPolicy(own_networks_allowed=True)
QUICK = DeliveryLimits(total_s=0.4, connect_s=0.3)
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


@asynccontextmanager
async def merchant(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on loopback; yields its port."""
    talks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-length:"))
    return head, await reader.readexactly(int(length))


def answering(raw: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(raw)
        await writer.drain()

    return talk


SUCCESS = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nsuccess"


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def post(client: DeliveryClient, url: str) -> DeliveryResult:
    return await client.deliver(url, {"content-type": "text/plain"}, b"body", alipay_acknowledged)


def client_of(policy: DestinationPolicy = SANDBOX, limits: DeliveryLimits = QUICK, **more: Any) -> DeliveryClient:
    return DeliveryClient(policy, limits=limits, **more)


def test_a_delivery_arrives_whole_and_is_acknowledged() -> None:
    seen: list[tuple[str, bytes]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(SUCCESS)
        await writer.drain()

    async def story() -> None:
        async with merchant(talk) as port:
            body = "金额=1".encode() * 10_000
            url = f"http://127.0.0.1:{port}/n?a=%20b"
            result = await client_of(limits=DeliveryLimits()).deliver(
                url, {"Content-Type": "text/x", "webhook-id": "m1"}, body, alipay_acknowledged
            )
            assert (result.outcome, result.status, result.body_excerpt) == ("delivered", 200, b"success")
            assert result.attempted
            head, received = seen[0]
            assert received == body
            assert head.startswith("POST /n?a=%20b HTTP/1.1\r\n")
            lines = {line.lower() for line in head.splitlines()}
            assert {f"host: 127.0.0.1:{port}", "content-type: text/x", "webhook-id: m1", "connection: close"} <= lines

    run(story())


@pytest.mark.parametrize(
    ("raw", "outcome", "status"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfail", "rejected", 200),
        (b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", "rejected", 500),
        (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 7\r\n\r\nsuccess", "rejected", 302),
        (b"HTTP/1.1 307 X\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n", "rejected", 307),
        (b"HTTP/1.0 200 OK\r\n\r\nsuccess", "delivered", 200),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nsuc\r\n4\r\ncess\r\n0\r\n\r\n", "delivered", 200),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + SUCCESS, "delivered", 200),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsuccess", "unreachable", 200),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "unreachable", None),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000, "unreachable", None),
        (b"", "unreachable", None),
    ],
)
def test_answers_and_what_becomes_of_them(raw: bytes, outcome: str, status: int | None) -> None:
    async def story() -> None:
        async with merchant(answering(raw)) as port:
            result = await post(client_of(limits=DeliveryLimits(total_s=5)), f"http://127.0.0.1:{port}/")
            assert (result.outcome, result.status) == (outcome, status)

    run(story())


def test_a_closed_port_is_unreachable() -> None:
    async def story() -> None:
        async with merchant(hang) as port:
            pass
        assert (await post(client_of(), f"http://127.0.0.1:{port}/")).outcome == "unreachable"

    run(story())


def test_a_body_without_end_is_cut_at_the_cap() -> None:
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async def story() -> None:
        async with merchant(talk) as port:
            client = client_of(limits=DeliveryLimits(total_s=5))
            result = await client.deliver(f"http://127.0.0.1:{port}/", {}, b"", native_acknowledged)
            assert (result.outcome, result.body_excerpt) == ("delivered", b"x" * 1024)
            assert sent < 64 * 1024 * 1024

    run(story())


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer that never stands still and never ends."""
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while True:
        writer.write(b"s")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(("talk", "status"), [(hang, None), (drip, 200)])
def test_hanging_and_dripping_servers_end_at_the_total_time(talk: Talk, status: int | None) -> None:
    async def story() -> None:
        async with merchant(talk) as port:
            began = time.monotonic()
            result = await post(client_of(), f"http://127.0.0.1:{port}/")
            assert (result.outcome, result.status) == ("timeout", status)
            assert result.latency_ms >= 350
            assert time.monotonic() - began < 5

    run(story())


def test_a_name_is_judged_by_all_its_addresses() -> None:
    async def mixed(host: str) -> Sequence[str]:
        return ["8.8.8.8", "10.0.0.1"]

    async def story() -> None:
        result = await post(client_of(DestinationPolicy(), resolver=mixed), "http://shop.example/")
        assert result.outcome == "refused_destination"
        assert "10.0.0.1" in result.detail

    run(story())


def test_a_name_that_changes_its_address_is_asked_once_and_judged() -> None:
    asked: list[str] = []

    async def rebinding(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    async def story() -> None:
        async with merchant(answering(SUCCESS)) as port:
            client = client_of(resolver=rebinding)
            assert (await post(client, f"http://shop.example:{port}/")).outcome == "delivered"
            assert asked == ["shop.example"]
            assert (await post(client, f"http://shop.example:{port}/")).outcome == "refused_destination"
            assert asked == ["shop.example"] * 2

    run(story())


def test_an_unknown_name_and_a_resolver_that_hangs() -> None:
    async def unknown(host: str) -> Sequence[str]:
        raise OSError("no such name")

    async def hanging(host: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async def empty(host: str) -> Sequence[str]:
        return []

    async def story() -> None:
        for resolver, outcome in ((unknown, "unreachable"), (hanging, "timeout"), (empty, "unreachable")):
            assert (await post(client_of(resolver=resolver), "http://shop.example/")).outcome == outcome

    run(story())


def test_an_address_that_does_not_answer_is_passed_over() -> None:
    async def two(host: str) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async def story() -> None:
        async with merchant(answering(SUCCESS)) as port:
            result = await post(client_of(resolver=two, limits=DeliveryLimits()), f"http://shop.example:{port}/")
            assert result.outcome == "delivered"

    run(story())


def test_urls_that_are_refused_are_not_called() -> None:
    async def story() -> None:
        client = client_of(DestinationPolicy())
        for url in ("http://127.0.0.1/", "http://[::1]/", "ftp://shop.example/", "http://localhost/"):
            assert (await post(client, url)).outcome == "refused_destination"
        client.close()

    run(story())


def test_the_breaker_opens_probes_and_closes() -> None:
    now = 0.0
    talk: Talk = hang

    async def switching(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talk(reader, writer)

    async def story() -> None:
        nonlocal now, talk
        limits = DeliveryLimits(total_s=0.1, connect_s=0.1, breaker=Breaker(failures_max=2, open_s=30))
        async with merchant(switching) as port:
            url = f"http://127.0.0.1:{port}/"
            client = client_of(limits=limits, now=lambda: now)
            assert [(await post(client, url)).outcome for _ in range(2)] == ["timeout"] * 2
            refused = await post(client, url)
            assert refused.outcome == "breaker_open"
            assert not refused.attempted
            assert client.room_for(url) == 0
            now = 31.0
            assert client.room_for(url) == 1
            probes = await asyncio.gather(post(client, url), post(client, url))
            assert sorted(probe.outcome for probe in probes) == ["breaker_open", "timeout"]
            talk = answering(SUCCESS)
            now = 92.0
            assert (await post(client, url)).outcome == "delivered"
            assert client.room_for(url) == limits.concurrent_per_host_max

    run(story())


def test_a_probe_that_is_cancelled_does_not_jam_the_breaker() -> None:
    now = 0.0

    async def story() -> None:
        nonlocal now
        limits = DeliveryLimits(total_s=0.1, connect_s=0.1, breaker=Breaker(failures_max=1, open_s=30))
        async with merchant(hang) as port:
            url = f"http://127.0.0.1:{port}/"
            client = client_of(limits=limits, now=lambda: now)
            await post(client, url)
            now = 31.0
            probe = asyncio.create_task(post(client, url))
            await asyncio.sleep(0.02)
            probe.cancel()
            with pytest.raises(asyncio.CancelledError):
                await probe
            assert (await post(client, url)).outcome == "timeout"

    run(story())


def test_one_hanging_destination_delays_nobody_else() -> None:
    async def story() -> None:
        limits = DeliveryLimits(total_s=3, connect_s=3, concurrent_max=16, concurrent_per_host_max=4)
        async with merchant(hang) as dead, merchant(answering(SUCCESS)) as alive:
            client = client_of(limits=limits)
            stuck = [asyncio.create_task(post(client, f"http://127.0.0.1:{dead}/")) for _ in range(40)]
            await asyncio.sleep(0.05)
            assert client.room == 12
            assert client.room_for(f"http://127.0.0.1:{dead}/") == 0
            good = [await post(client, f"http://127.0.0.1:{alive}/") for _ in range(10)]
            assert {result.outcome for result in good} == {"delivered"}
            assert not all(task.done() for task in stuck)
            outcomes = [(await task).outcome for task in stuck]
            assert outcomes.count("over_capacity") == 36
            assert outcomes.count("timeout") == 4

    run(story())


def certificate_for(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server with a self-signed certificate and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


def test_tls_is_verified_against_the_name_not_the_address(tmp_path: Path) -> None:
    server, trusting = certificate_for("shop.example", tmp_path)

    async def loopback(host: str) -> Sequence[str]:
        return ["127.0.0.1"]

    async def story() -> None:
        async with merchant(answering(SUCCESS), tls=server) as port:
            client = client_of(resolver=loopback, tls=trusting, limits=DeliveryLimits())
            assert (await post(client, f"https://shop.example:{port}/")).outcome == "delivered"
            other = await post(client, f"https://other.example:{port}/")
            assert other.outcome == "unreachable"
            assert "certificate" in other.detail.lower()
            stranger = client_of(resolver=loopback, limits=DeliveryLimits())
            assert (await post(stranger, f"https://shop.example:{port}/")).outcome == "unreachable"

    run(story())
