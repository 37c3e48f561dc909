"""A stream into a pod by the API server's websocket: one byte names the channel of what follows.

`v4.channel.k8s.io` (and 5, which can close a direction: Gantry never does, since the agent knows by
lengths where its input ends). Channel 3 ends a command with a Status.
"""

from __future__ import annotations

import contextlib

import aiohttp

from gantry.base.errors import EngineUnreachable
from gantry.pods.complaints import Complaints

STDIN, STDOUT, STDERR, ERROR = 0, 1, 2, 3
PIECE = 64 << 10
_CUT = "The stream to the pod was cut."


class KubernetesStream:
    """stdout is the agent's frames, stderr its complaints."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._complaints = Complaints()
        self.status = b""  # what channel 3 said

    async def write(self, data: bytes) -> None:
        try:
            for at in range(0, len(data), PIECE):
                await self._socket.send_bytes(bytes([STDIN]) + data[at : at + PIECE])
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise EngineUnreachable(_CUT) from error
        if self._socket.closed:
            raise EngineUnreachable(_CUT)

    async def read(self) -> bytes:
        while True:
            try:
                message = await self._socket.receive()
            except (aiohttp.ClientError, OSError) as error:
                raise EngineUnreachable(_CUT) from error
            if message.type is aiohttp.WSMsgType.BINARY:
                if data := self._take(message.data):
                    return data
            elif message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING):
                return b""
            elif message.type is aiohttp.WSMsgType.CLOSED:
                # 1000 ends a stream whose pod has ended; 1006 is a connection that broke.
                if self._socket.close_code in (1000, None):
                    return b""
                raise EngineUnreachable(_CUT)
            elif message.type is aiohttp.WSMsgType.ERROR:
                raise EngineUnreachable(_CUT)

    def _take(self, message: bytes) -> bytes:
        channel, data = message[:1], message[1:]
        if channel == bytes([STDOUT]):
            return data
        if channel == bytes([STDERR]):
            self._complaints.add(data)
        elif channel == bytes([ERROR]):
            self.status += data
        return b""

    @property
    def complaints(self) -> str:
        return self._complaints.text()

    async def close(self) -> None:
        with contextlib.suppress(Exception):
            await self._socket.close()
