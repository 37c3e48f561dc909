"""Deliveries as the services send them: recorded payloads, and signatures made as they document."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

PAYLOADS = Path(__file__).parent / "payloads"


def recorded(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def signed(key: str, body: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(key.encode(), body, getattr(hashlib, algorithm)).hexdigest()


def delivery(
    service: str, key: str, payload: Any, event: str = "", guid: str = ""
) -> tuple[bytes, dict[str, str]]:
    """Body and headers."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    guid = guid or str(uuid4())
    mac = signed(key, body)
    if service == "github":
        own = {
            "X-GitHub-Event": event or "push", "X-GitHub-Delivery": guid,
            "X-Hub-Signature": f"sha1={signed(key, body, 'sha1')}",
            "X-Hub-Signature-256": f"sha256={mac}",
        }  # fmt: skip
    elif service == "gitlab":
        own = {"X-Gitlab-Event": event or "Push Hook", "X-Gitlab-Token": key,
               "X-Gitlab-Event-UUID": guid}  # fmt: skip
    elif service == "bitbucket_dc":
        own = {"X-Event-Key": event or "repo:refs_changed", "X-Request-Id": guid,
               "X-Hub-Signature": f"sha256={mac}"}  # fmt: skip
    else:
        own = {
            "X-Gitea-Event": event or "push", "X-Gitea-Delivery": guid, "X-Gitea-Signature": mac,
            "X-Gogs-Event": "push", "X-GitHub-Event": event or "push", "X-GitHub-Delivery": guid,
            "X-Hub-Signature": f"sha1={signed(key, body, 'sha1')}",
            "X-Hub-Signature-256": f"sha256={mac}",
        }  # fmt: skip
    return body, {**own, "Content-Type": "application/json"}
