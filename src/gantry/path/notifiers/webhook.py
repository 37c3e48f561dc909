"""Webhook: the job's data as JSON, by POST or PUT, with a person's own headers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin, urlsplit

from gantry.path.notifiers.contract import Message, SendFailed, ask

REDIRECTS = 5
FOLLOWED = (301, 307)  # AWX's: the request is made again as it is


def send_webhook(message: Message) -> int:
    data = message.data()
    body = data if isinstance(data, dict) else {}
    url = str(message.get("url"))
    user, password = str(message.get("username")), str(message.get("password"))
    more: dict[str, Any] = {"auth": (user, password)} if user or password else {}
    headers = {"Content-Type": "application/json", **message.get("headers", {})}
    for _ in range(REDIRECTS):
        answer = ask(
            message, str(message.get("http_method", "POST")).upper(), url,
            verify=not message.get("disable_ssl_verification", False), fine=False,
            content=json.dumps(body, ensure_ascii=False).encode(), headers=headers, **more,
        )  # fmt: skip
        if answer.status not in FOLLOWED:
            break
        if not answer.location:
            raise SendFailed("Webhook notification received redirect to a blank URL", again=False)
        there = urljoin(url, answer.location)
        if _origin(there) != _origin(url):
            # Who may be sent elsewhere by a receiver need not be told a secret.
            more = {}
            headers = {"Content-Type": "application/json"}
        url = there
    else:
        raise SendFailed(
            f"Webhook notification max number of retries [{REDIRECTS}] exceeded.", again=False
        )
    if answer.status >= 400:
        raise SendFailed(
            f"Error sending webhook notification: {answer.status}",
            again=answer.status >= 500 or answer.status in (408, 425, 429),
        )
    return 1 if 200 <= answer.status < 299 else 0


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2]
