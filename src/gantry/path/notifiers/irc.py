"""IRC: a line to each channel or person. RFC 2812, as little of it as a message needs."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator

from gantry.path.notifiers.contract import SECONDS, Message, SendFailed

LONGEST = 400  # bytes of a line's text: 512 with its head, as the protocol has it
CHANNELS = "#&+!"
REFUSED = ("403", "405", "432", "433", "436", "437", "461", "462", "464", "465", "471", "473",
           "474", "475", "476")  # fmt: skip


def send_irc(message: Message) -> int:
    targets = [str(t) for t in message.get("targets", [])]
    where = f"{message.get('server')}:{message.get('port')}"
    try:
        with _connect(message) as connection:
            _Session(connection, message).tell(targets)
    except ssl.SSLError as error:
        raise SendFailed(f"{where}: {error.reason or 'its TLS failed'}") from error
    except TimeoutError as error:
        raise SendFailed(f"{where}: no answer in time") from error
    except OSError as error:
        raise SendFailed(f"{where}: no connection ({error.strerror or error})") from error
    return len(targets)


def _connect(message: Message) -> socket.socket:
    host = str(message.get("server"))
    connection = socket.create_connection((host, int(message.get("port", 6667))), SECONDS)
    if not message.get("use_ssl", False):
        return connection
    context = ssl.create_default_context()
    if message.authorities.strip():
        context.load_verify_locations(cadata=message.authorities)
    return context.wrap_socket(connection, server_hostname=host)


class _Session:
    def __init__(self, connection: socket.socket, message: Message) -> None:
        self.connection = connection
        self.message = message
        self.deadline = time.monotonic() + SECONDS
        self.lines = self._read()

    def tell(self, targets: list[str]) -> None:
        nickname = _word(self.message.get("nickname"))
        if self.message.get("password"):
            self._say(f"PASS {_word(self.message.get('password'))}")
        self._say(f"NICK {nickname}", f"USER {nickname} 0 * :{nickname}")
        self._until("001")
        text = " ".join(self.message.subject.split()).encode()[:LONGEST].decode(errors="ignore")
        for target in map(_word, targets):
            if target[:1] in CHANNELS:
                self._say(f"JOIN {target}")
                self._until("JOIN")
            self._say(f"PRIVMSG {target} :{text}")
        # What was said is said once the server answers to what came after it.
        self._say("PING :done")
        self._until("PONG")
        self._say("QUIT")

    def _say(self, *lines: str) -> None:
        self.connection.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def _until(self, wanted: str) -> None:
        for command, rest in self.lines:
            if command == wanted:
                return
            if command == "PING":
                self._say(f"PONG {rest}")
            elif command in REFUSED or command == "ERROR":
                raise SendFailed(f"the IRC server answered {command} {rest}"[:300])
        raise SendFailed("the IRC server closed the connection")

    def _read(self) -> Iterator[tuple[str, str]]:
        """Command and what follows it, of each line."""
        kept = b""
        while True:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.connection.settimeout(left)
            piece = self.connection.recv(4096)
            if not piece:
                return
            *lines, kept = (kept + piece).split(b"\n")
            kept = kept[-4096:]
            for raw in lines:
                line = raw.decode("utf-8", "replace").strip()
                if line.startswith(":"):
                    line = line.partition(" ")[2]
                command, _, rest = line.partition(" ")
                yield command.upper(), rest


def _word(value: object) -> str:
    """One word: a line's end in it would be another command."""
    text = str(value)
    if not text or any(c.isspace() or c == "\0" for c in text):
        raise SendFailed("a name or password with a space in it cannot be sent", again=False)
    return text
