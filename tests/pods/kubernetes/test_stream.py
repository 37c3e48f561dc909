"""The channels of a stream, in both versions that servers speak: `v4` and `v5.channel.k8s.io`.

The server here answers as the API server documents it (KEP-4006): one byte of channel, then data;
a Status on channel 3; close 1000 at the end of a command.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from gantry.base.errors import EngineUnreachable
from gantry.pods.kubernetes_client import PROTOCOLS, Cluster, KubernetesClient, Refused

Serve = Callable[[web.WebSocketResponse], Awaitable[Any]]
STATUS = {"metadata": {}, "status": "Success"}


@pytest.fixture(params=[["v4.channel.k8s.io"], list(PROTOCOLS)], ids=["v4", "v5"])
async def pod(request: Any) -> AsyncIterator[Callable[[Serve], Any]]:
    """A stream into a pod that behaves as the given function says."""
    serving: list[Serve] = []
    asked: list[web.Request] = []

    async def attach(incoming: web.Request) -> web.StreamResponse:
        asked.append(incoming)
        if incoming.headers["Authorization"] != "Bearer secret":
            return web.json_response({"message": "Unauthorized"}, status=401)
        socket = web.WebSocketResponse(protocols=request.param)
        await socket.prepare(incoming)
        assert socket.ws_protocol == request.param[0]
        await serving[0](socket)
        return socket

    app = web.Application()
    app.router.add_get("/api/v1/namespaces/jobs/pods/p/attach", attach)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    opened = []

    async def open_it(serve: Serve, token: str = "secret") -> Any:
        from gantry.pods.kubernetes_api import KubernetesEngine

        serving[:] = [serve]
        engine = KubernetesEngine(Cluster("jobs", f"http://127.0.0.1:{port}", token))
        opened.append(engine)
        return await engine._stream("p", "attach", [])

    yield open_it
    for engine in opened:
        await engine.close()
    await runner.cleanup()


async def test_output_complaints_and_the_end_are_told_apart(pod: Any) -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        for channel, data in (
            (1, b""),
            (1, b"out"),
            (2, b"no"),
            (2, b"!"),
            (1, b"put"),
            (1, b"\n"),
        ):
            await socket.send_bytes(bytes([channel]) + data)
        await socket.send_bytes(b"\x03" + json.dumps(STATUS).encode())
        await socket.close(code=1000)

    stream = await pod(serve)
    said = [await stream.read() for _ in range(4)]

    assert said == [b"out", b"put", b"\n", b""]
    assert stream.complaints == "no!"
    assert json.loads(stream.status) == STATUS
    assert await stream.read() == b""


async def test_input_goes_in_pieces_on_channel_0(pod: Any) -> None:
    received = bytearray()
    sizes = []

    async def serve(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            assert message.data[0] == 0
            received.extend(message.data[1:])
            sizes.append(len(message.data))
            if len(received) == 300_000:
                await socket.send_bytes(b"\x01done")

    stream = await pod(serve)
    await stream.write(bytes(range(256)) * 1000 + b"x" * 44_000)

    assert await stream.read() == b"done"
    assert bytes(received[:256]) == bytes(range(256))
    assert max(sizes) <= 65_537


async def test_a_connection_that_breaks_is_no_end(pod: Any) -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\x01begun")
        assert socket._req is not None
        assert socket._req.transport is not None
        socket._req.transport.abort()

    stream = await pod(serve)
    assert await stream.read() == b"begun"
    with pytest.raises(EngineUnreachable):
        await stream.read()

    async def write_on() -> None:
        while True:
            await stream.write(b"x" * 4096)

    with pytest.raises(EngineUnreachable):
        await write_on()


async def test_an_account_without_rights_is_refused_in_words(pod: Any) -> None:
    async def never(_: web.WebSocketResponse) -> None:
        raise AssertionError

    with pytest.raises(Refused, match="refused"):
        await pod(never, token="other")


async def test_nobody_there_is_worth_another_try() -> None:
    client = KubernetesClient(Cluster("jobs", "http://127.0.0.1:1", "secret"))
    with pytest.raises(EngineUnreachable):
        await client.ask("GET", "pods")
    with pytest.raises(EngineUnreachable):
        await client.socket("pods/p/attach", [])
    await client.close()
    assert "secret" not in repr(Cluster("jobs", "http://127.0.0.1:1", "secret"))
