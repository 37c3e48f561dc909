"""An IRC server for one person at a time: registration, JOIN, PRIVMSG; what was said is kept."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class IrcServer:
    port: int = 0
    password: str = ""
    said: list[tuple[str, str]] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    kept: IrcServer

    def handle(self) -> None:
        self.given, self.nickname, self.joined = "", "*", set[str]()
        for raw in self.rfile:
            command, _, rest = raw.decode().strip().partition(" ")
            if command == "QUIT":
                return
            getattr(self, f"do_{command.lower()}")(rest)

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def do_pass(self, rest: str) -> None:
        self.given = rest

    def do_nick(self, rest: str) -> None:
        self.nickname = rest

    def do_user(self, rest: str) -> None:
        if self.given == self.kept.password:
            self.say(f"PING :{self.nickname}", f":irc 001 {self.nickname} :Welcome")
        else:
            self.say(f"464 {self.nickname} :Password incorrect")

    def do_join(self, rest: str) -> None:
        self.joined.add(rest)
        self.say(f":{self.nickname}!u@h JOIN {rest}")

    def do_privmsg(self, rest: str) -> None:
        target, _, text = rest.partition(" :")
        if target in self.joined or not target.startswith("#"):
            self.kept.said.append((target, text))

    def do_ping(self, rest: str) -> None:
        self.say(f":irc PONG irc {rest}")

    def do_pong(self, rest: str) -> None:
        pass


@contextmanager
def irc_server(password: str = "") -> Iterator[IrcServer]:
    made = IrcServer(password=password)
    handler = type("Session", (_Session,), {"kept": made})
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    made.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()
