"""The server over real sockets, spoken to in raw HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from chuanliu.serving import Application, Request, Response, Router, serve


async def echo(request: Request) -> Response:
    return Response.json(
        {
            "path": request.path,
            "query": request.query_string,
            "body": request.body.decode("latin-1"),
            "client": request.client,
            "scheme": request.scheme,
            "host": request.host,
            "x": request.headers.get("x-mixed-case"),
            "params": dict(request.path_params),
        }
    )


def echoing(**settings: Any) -> Application:
    routes = Router()
    for path in ("/echo", "/", "/orders/{order_id}"):
        routes.add("POST", path, echo)
        routes.add("GET", path, echo)
    return Application(routes, **settings)


@asynccontextmanager
async def served(application: Application, **settings: Any) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """The application on a free port; yields the port and the event that stops it."""
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(application, "127.0.0.1", 0, stop=stop, on_listening=port.set_result, **settings))
    await asyncio.wait([port, task], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield await port, stop
    finally:
        stop.set()
        await task


async def exchange(port: int, raw: bytes) -> bytes:
    """Send raw octets, half-close, and read all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """On the loop that gateways run on, and on the library's own."""
    uvloop.run(story())
    asyncio.run(story())


CLOSE = b"connection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"GET /echo?a=%20b HTTP/1.1\r\nhost: h:1\r\n", [b'"path":"/echo"', b'"query":"a=%20b"', b'"host":"h:1"']),
        (
            b"GET http://other:80/echo?c=d HTTP/1.1\r\nhost: h\r\n",
            [b'"path":"/echo"', b'"query":"c=d"', b'"host":"other:80"'],
        ),
        (b"GET http://other HTTP/1.1\r\nhost: h\r\n", [b'"path":"/"']),
        (b"GET /orders/a%20b HTTP/1.1\r\nhost: h\r\n", [b'"order_id":"a b"']),
        (b"GET /orders/a%2520b HTTP/1.1\r\nhost: h\r\n", [b'"order_id":"a%20b"']),
        (b"GET /orders/%E4%B8%AD HTTP/1.1\r\nhost: h\r\n", ['"order_id":"中"'.encode()]),
        (b"GET /orders/%ff HTTP/1.1\r\nhost: h\r\n", ['"order_id":"�"'.encode()]),
        (b"GET /echo HTTP/1.1\r\nhost: h\r\nX-Mixed-CASE: Value\r\n", [b'"x":"Value"', b'"client":"127.0.0.1"']),
        (b"GET /echo HTTP/1.0\r\n", [b'"path":"/echo"']),
        (b"GET /nothing HTTP/1.1\r\nhost: h\r\n", [b"HTTP/1.1 404", b"route_not_found"]),
        (b"DELETE /echo HTTP/1.1\r\nhost: h\r\n", [b"HTTP/1.1 405", b"allow: GET, HEAD, OPTIONS, POST"]),
        (b"OPTIONS /echo HTTP/1.1\r\nhost: h\r\n", [b"HTTP/1.1 204", b"allow: GET, HEAD, OPTIONS, POST"]),
        (b"GET /echo HTTP/1.1\r\nhost: h\r\nbad header\r\n", [b"HTTP/1.1 400"]),
    ],
)
def test_targets_and_headers(raw: bytes, expected: list[bytes]) -> None:
    async def story() -> None:
        async with served(echoing()) as (port, _):
            answer = await exchange(port, raw + CLOSE)
            for part in expected:
                assert part in answer

    run(story)


def test_head_tells_the_length_and_sends_no_body() -> None:
    async def story() -> None:
        async with served(echoing()) as (port, _):
            got = await exchange(port, b"GET /echo HTTP/1.1\r\nhost: h\r\n" + CLOSE)
            length = len(got.split(b"\r\n\r\n", 1)[1])
            head = await exchange(port, b"HEAD /echo HTTP/1.1\r\nhost: h\r\n" + CLOSE)
            assert f"content-length: {length}".encode() in head
            assert head.endswith(b"\r\n\r\n")

    run(story)


def test_connections_are_kept_alive() -> None:
    async def story() -> None:
        async with served(echoing()) as (port, _):
            first = b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc"
            answer = await exchange(port, first + b"GET /echo HTTP/1.1\r\nhost: h\r\n" + CLOSE)
            assert answer.count(b"HTTP/1.1 200") == 2

    run(story)


HEAD = b"POST /echo HTTP/1.1\r\nhost: h\r\nconnection: close\r\n"


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (HEAD + b"content-length: 0\r\n\r\n", 200, b'"body":""'),
        (HEAD + b"content-length: 5\r\n\r\nabcde", 200, b'"body":"abcde"'),
        (HEAD + b"content-length: 3\r\n\r\nabcde", 200, b'"body":"abc"'),
        (HEAD + b"content-length: 100\r\n\r\n" + b"x" * 100, 200, b"x" * 100),
        (HEAD + b"content-length: 101\r\n\r\n" + b"x" * 101, 413, b"body_too_large"),
        (HEAD + b"content-length: 99999999999\r\n\r\nx", 413, b"body_too_large"),
        (HEAD + b"content-length: 1e2\r\n\r\nx", 400, b""),
        (HEAD + b"content-length: -1\r\n\r\nx", 400, b""),
        (HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nxx", 400, b""),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, b'"body":"abcde"'),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n", 200, b'"body":""'),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n", 413, b"body_too_large"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", 400, b""),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", 400, b""),
    ],
)
def test_bodies_and_their_bounds(raw: bytes, status: int, body: bytes) -> None:
    async def story() -> None:
        async with served(echoing(body_bytes_max=100)) as (port, _):
            answer = await exchange(port, raw)
            assert answer.startswith(f"HTTP/1.1 {status}".encode())
            assert body in answer

    run(story)


def test_a_chunked_body_beside_a_content_length_is_still_bounded() -> None:
    async def story() -> None:
        async with served(echoing(body_bytes_max=100)) as (port, _):
            raw = HEAD + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n" + b"64\r\n" + b"x" * 100 + b"\r\n"
            answer = await exchange(port, raw + b"64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n")
            assert answer[9:12] in (b"400", b"413")

    run(story)


def test_an_endless_chunked_body_is_stopped_early() -> None:
    async def story() -> None:
        async with served(echoing()) as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n")
            sent = 0
            chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
            while sent < 256 * 65536 and not reader.at_eof():
                try:
                    writer.write(chunk)
                    await asyncio.wait_for(writer.drain(), 1)
                except (TimeoutError, ConnectionError):
                    break
                sent += 65536
            assert sent < 128 * 65536
            writer.close()

    run(story)


@pytest.mark.parametrize("head", [b"content-length: 10", b"transfer-encoding: chunked"])
def test_a_body_that_stalls_is_given_up_and_others_are_not_disturbed(head: bytes) -> None:
    async def story() -> None:
        async with served(echoing(body_timeout_s=0.4)) as (port, _):
            stalled = asyncio.create_task(
                exchange(port, b"POST /echo HTTP/1.1\r\nhost: h\r\n" + head + b"\r\n\r\n1\r\na")
            )
            for _ in range(5):
                whole = HEAD + b"content-length: 2\r\n\r\nok"
                assert b'"body":"ok"' in await exchange(port, whole)
                await asyncio.sleep(0.05)
            assert (await stalled).startswith(b"HTTP/1.1 408")

    run(story)


def test_a_client_that_leaves_in_the_middle_does_no_harm() -> None:
    async def story() -> None:
        application = echoing()
        async with served(application) as (port, _):
            for part in (b"POST /echo HTTP/1.1\r\n", HEAD + b"content-length: 50\r\n\r\nabc"):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(part)
                await writer.drain()
                writer.transport.abort()
            assert b'"body":"ok"' in await exchange(port, HEAD + b"content-length: 2\r\n\r\nok")
            assert application.running == 0

    run(story)


def test_behind_a_proxy_its_last_word_counts() -> None:
    async def story() -> None:
        raw = (
            b"GET /echo HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 6.6.6.6, 9.9.9.9\r\nx-forwarded-proto: https\r\n"
            + CLOSE
        )
        async with served(echoing(behind_proxy=True)) as (port, _):
            answer = await exchange(port, raw)
            assert b'"client":"9.9.9.9"' in answer
            assert b'"scheme":"https"' in answer
            assert b'"client":"127.0.0.1"' in await exchange(port, b"GET /echo HTTP/1.1\r\nhost: h\r\n" + CLOSE)
        async with served(echoing()) as (port, _):
            assert b'"client":"127.0.0.1"' in await exchange(port, raw)

    run(story)


def slow_application(seconds: float) -> tuple[Application, asyncio.Event]:
    entered = asyncio.Event()

    async def slow(_: Request) -> Response:
        entered.set()
        await asyncio.sleep(seconds)
        return Response.text("finished")

    routes = Router()
    routes.add("POST", "/slow", slow)
    return Application(routes), entered


SLOW = b"POST /slow HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nok"


def test_what_is_in_flight_is_answered_after_stop_and_nothing_new_is_taken() -> None:
    async def story() -> None:
        application, entered = slow_application(0.5)
        async with served(application) as (port, stop):
            _, idle = await asyncio.open_connection("127.0.0.1", port)
            running = asyncio.create_task(exchange(port, SLOW))
            await entered.wait()
            stop.set()
            await asyncio.sleep(0.2)
            with pytest.raises(ConnectionError):
                await asyncio.open_connection("127.0.0.1", port)
            assert b"finished" in await running
            idle.close()

    run(story)


def test_stop_waits_no_longer_than_its_grace() -> None:
    async def story() -> None:
        application, entered = slow_application(30)
        loop = asyncio.get_running_loop()
        async with served(application, grace_s=0.3) as (port, _):
            running = asyncio.create_task(exchange(port, SLOW))
            await entered.wait()
            began = loop.time()
        assert loop.time() - began < 5
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(story)


def test_a_cancelled_server_stops_listening() -> None:
    async def story() -> None:
        port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve(echoing(), "127.0.0.1", 0, stop=asyncio.Event(), on_listening=port.set_result))
        await port
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            with pytest.raises(ConnectionError):
                while True:
                    _, writer = await asyncio.open_connection("127.0.0.1", port.result())
                    writer.close()
                    await asyncio.sleep(0.05)

    run(story)


def test_an_idle_server_stops_at_once() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        async with served(echoing()) as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /echo HTTP/1.1\r\nhost: h\r\n\r\n")
            await reader.readuntil(b"}}")
            began = loop.time()
        assert loop.time() - began < 5
        writer.close()

    run(story)


def test_several_servers_share_one_port() -> None:
    async def story() -> None:
        one, other = echoing(), echoing()
        stop = asyncio.Event()
        async with served(one) as (port, _):
            started = asyncio.Event()
            second = asyncio.create_task(
                serve(other, "127.0.0.1", port, stop=stop, on_listening=lambda _: started.set())
            )
            await started.wait()
            for _ in range(40):
                assert b"200 OK" in await exchange(port, HEAD + b"content-length: 0\r\n\r\n")
            stop.set()
            await second
            for _ in range(10):
                assert b"200 OK" in await exchange(port, HEAD + b"content-length: 0\r\n\r\n")
        counts = [dict(next(iter(app.meter.collect())).samples[0]._asdict())["value"] for app in (one, other)]
        assert sum(counts) == 50
        assert min(counts) > 0

    run(story)


def test_an_address_that_is_taken_is_an_error_not_a_crash() -> None:
    async def story() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(OSError, match="in use"):
                await serve(echoing(), "127.0.0.1", taken.getsockname()[1], stop=asyncio.Event())

    run(story)


def test_a_header_that_would_split_the_response_ends_the_connection() -> None:
    async def story() -> None:
        async def split(_: Request) -> Response:
            return Response(200, [("location", "/x\r\nset-cookie: a=b")], b"")

        routes = Router()
        routes.add("GET", "/split", split)
        async with served(Application(routes)) as (port, _):
            assert await exchange(port, b"GET /split HTTP/1.1\r\nhost: h\r\n\r\n") == b""

    run(story)


def test_a_head_without_end_is_refused() -> None:
    async def story() -> None:
        async with served(echoing()) as (port, _):
            answer = await exchange(port, b"GET /echo HTTP/1.1\r\nhost: h\r\nx: " + b"y" * 70_000)
            assert answer.startswith(b"HTTP/1.1 431")

    run(story)


def test_many_pipelined_requests_are_answered_in_order() -> None:
    async def story() -> None:
        async with served(echoing()) as (port, _):
            raw = b"".join(b"GET /echo?%d HTTP/1.1\r\nhost: h\r\n\r\n" % n for n in range(40))
            answer = await exchange(port, raw + b"GET /echo?last HTTP/1.1\r\nhost: h\r\n" + CLOSE)
            found = [answer.index(b'"query":"%d"' % n) for n in range(40)]
            assert found == sorted(found)
            assert answer.count(b"HTTP/1.1 200") == 41

    run(story)


def test_a_client_that_does_not_read_is_not_answered_without_end() -> None:
    async def story() -> None:
        answered = 0

        async def large(_: Request) -> Response:
            nonlocal answered
            answered += 1
            return Response.text("x" * 500_000)

        routes = Router()
        routes.add("GET", "/large", large)
        async with served(Application(routes)) as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 16)
            writer.write(b"GET /large HTTP/1.1\r\nhost: h\r\n\r\n" * 200)
            await asyncio.sleep(0.5)
            assert answered < 100
            got = 0
            while got < 200 * 500_000:
                got += len(await asyncio.wait_for(reader.read(1 << 20), 10))
            assert answered == 200
            writer.close()

    run(story)
