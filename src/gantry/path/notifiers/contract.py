"""What is sent, how it is said that it was not, and the one way to ask an HTTP service.

Payloads are those of AWX's awx/main/notifications/*: receivers that people have written for AWX
read them. Nothing here knows rows; a sender blocks for SECONDS at most a receiver.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from gantry import __version__
from gantry.resources.lookups.contract import LookupFailed
from gantry.resources.lookups.http import Answer, Http, Tls

SECONDS = 30.0
LONGEST = 120.0  # of a whole message, whoever many receivers it has
AGENT = f"AWX-compatible Gantry/{__version__}"
AGAIN = (408, 425, 429)  # beside 5xx: the same request may well be taken later


class SendFailed(Exception):
    """`reason` holds no secret and no address beyond a host. `sent`: how many had got it before."""

    def __init__(self, reason: str, *, again: bool = True, sent: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again = again
        self.sent = sent


@dataclass(frozen=True)
class Message:
    """`settings` are the opened configuration, `done` receivers have got it at an earlier try."""

    settings: dict[str, Any] = field(repr=False)
    subject: str
    body: Any
    authorities: str = ""  # PEM, trusted beside the system's
    done: int = 0
    until: float = field(default_factory=lambda: time.monotonic() + LONGEST)

    def data(self) -> Any:
        """The body as the object whose JSON it is; what is no object stays a text."""
        if not isinstance(self.body, str):
            return self.body
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return self.body
        return found if isinstance(found, dict) else self.body

    def get(self, name: str, default: Any = "") -> Any:
        value = self.settings.get(name)
        return default if value is None else value


def ask(
    message: Message, method: str, url: str, *, verify: bool = True, fine: bool = True, **more: Any
) -> Answer:
    """As `Http.ask`, with the organization's authorities. Raises SendFailed."""
    if time.monotonic() > message.until:
        raise SendFailed("its receivers did not answer in time")
    tls = Tls(beside=message.authorities, verify=verify)
    headers = {"User-Agent": AGENT, **more.pop("headers", {})}
    try:
        return Http(tls=tls, headers=headers).ask(method, url, fine=fine, **more)
    except LookupFailed as error:
        raise SendFailed(error.reason, again=_again(error.status)) from error
    except (TypeError, UnicodeError) as error:
        raise SendFailed(f"the request cannot be made ({type(error).__name__})", again=False) from (
            error
        )


def _again(status: int | None) -> bool:
    return not status or status in AGAIN or status >= 500
