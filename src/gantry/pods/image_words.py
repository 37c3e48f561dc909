"""What the Docker-compatible API says of images, and how it wants to be asked: plain functions.

Used by docker_api.py and docker_images.py.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from gantry.base.errors import EngineError
from gantry.base.image_reference import parse_reference
from gantry.pods.contract import PullProgress, RegistryLogin


def digests_of(reference: str, known: list[str]) -> list[str]:
    """Of an image's `repository@digest`s those the reference may mean; any if none is its own."""
    asked = parse_reference(reference)
    if asked.digest:
        return [asked.digest]
    pairs = [(name, digest) for name, _, digest in (d.partition("@") for d in known)]
    own = [digest for name, digest in pairs if name == asked.repository]
    return own or [digest for _, digest in pairs]


def auth_header(login: RegistryLogin) -> str:
    body = {
        "username": login.username,
        "password": login.password,
        "serveraddress": login.host,
    }
    return base64.urlsafe_b64encode(json.dumps(body).encode()).decode()


def take_progress(
    line: dict[str, Any],
    layers: dict[str, tuple[int, int]],
    on_progress: Callable[[PullProgress], None],
    *,
    code: str = "pull",
) -> None:
    """One JSON line of a pull or push: an error, or bytes of one layer."""
    if line.get("error") or line.get("errorDetail"):
        words = line.get("error") or line["errorDetail"].get("message", "")
        raise EngineError(words, code=code)
    detail = line.get("progressDetail") or {}
    layer = line.get("id", "")
    if layer and detail.get("total"):
        layers[layer] = (detail.get("current") or 0, detail["total"])
    elif layer in layers and "complete" in line.get("status", "").lower():
        layers[layer] = (layers[layer][1], layers[layer][1])
    on_progress(
        PullProgress(
            sum(c for c, _ in layers.values()),
            sum(t for _, t in layers.values()),
            (line.get("status") or line.get("stream") or "").strip()[:200],
        )
    )
