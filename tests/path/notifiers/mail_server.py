"""An SMTP server: EHLO, STARTTLS, AUTH PLAIN and LOGIN, mails kept. One thread a connection."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


@dataclass
class MailServer:
    port: int = 0
    user: tuple[str, str] | None = None  # who must log in
    tls: ssl.SSLContext | None = None
    refuse: str = ""  # answer to DATA instead of taking it
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    kept: MailServer

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        self.secure, self.known, self.to = False, self.kept.user is None, list[str]()
        self.say("220 mail.example.org ESMTP")
        while raw := self.rfile.readline():
            verb, _, rest = raw.decode().strip().partition(" ")
            if verb.upper() == "QUIT":
                self.say("221 bye")
                return
            getattr(self, f"do_{verb.lower()}", self.unknown)(rest)

    def unknown(self, rest: str) -> None:
        self.say("500 what?")

    def do_ehlo(self, rest: str) -> None:
        offered = ["mail.example.org", "AUTH PLAIN LOGIN"]
        if self.kept.tls is not None and not self.secure:
            offered.append("STARTTLS")
        for line in offered[:-1]:
            self.say(f"250-{line}")
        self.say(f"250 {offered[-1]}")

    def do_starttls(self, rest: str) -> None:
        self.say("220 go ahead")
        assert self.kept.tls is not None
        self.connection = self.kept.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile: Any = self.connection.makefile("wb", buffering=0)
        self.secure = True

    def do_auth(self, rest: str) -> None:
        method, _, first = rest.partition(" ")
        if method == "PLAIN":
            _, user, password = base64.b64decode(first).decode().split("\0")
        else:
            self.say("334 UGFzc3dvcmQ6")
            user = base64.b64decode(first).decode()
            password = base64.b64decode(self.rfile.readline()).decode()
        self.known = (user, password) == self.kept.user
        self.say("235 welcome" if self.known else f"535 {user}, your {password} is wrong")

    def do_mail(self, rest: str) -> None:
        self.to = []
        self.say("250 ok" if self.known else "530 log in first")

    def do_rcpt(self, rest: str) -> None:
        self.to.append(rest.partition("<")[2].partition(">")[0])
        self.say("250 ok")

    def do_rset(self, rest: str) -> None:
        self.say("250 ok")

    def do_data(self, rest: str) -> None:
        if self.kept.refuse:
            self.say(self.kept.refuse)
            return
        self.say("354 go on")
        raw = b""
        while (line := self.rfile.readline()) != b".\r\n":
            raw += line
        self.kept.mails.append(message_from_bytes(raw, policy=policy.default))
        self.kept.recipients.append(self.to)
        self.kept.encrypted.append(self.secure)
        self.say("250 taken")


@contextmanager
def mail_server(**more: Any) -> Iterator[MailServer]:
    made = MailServer(**more)
    handler = type("Session", (_Session,), {"kept": made})
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    made.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()
