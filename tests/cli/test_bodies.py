"""A body that is too large is refused before it has come: where anybody may send, the sooner."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

HOOK = "/api/v2/job_templates/7/{}/"


def sent(path: str, length: int | None, pieces: int = 0) -> tuple[int, int]:
    """The status, and how many pieces of 1 MiB were taken."""
    from gantry.cli.bodies import limited

    taken, statuses = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x" * (1 << 20), "more_body": taken < pieces}

    async def answer(message: dict[str, Any]) -> None:
        if "status" in message:
            statuses.append(message["status"])

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    scope = {"type": "http", "path": path, "headers": headers}
    asyncio.run(limited(application)(scope, receive, answer))
    return statuses[0], taken


@pytest.mark.parametrize("service", ["github", "gitlab", "bitbucket_dc", "gitea"])
def test_a_webhook_of_20_megabytes_is_not_read(db: str, service: str) -> None:
    path = HOOK.format(service)
    assert sent(path, 20 << 20) == (413, 0)
    assert sent(path, None, 20) == (413, 6)  # GANTRY_WEBHOOK_BODY is five of them
    assert sent(path, 1, 20) == (413, 6)  # whatever its sender says
    assert sent(path, 5 << 20, 5) == (200, 5)
    assert sent(path.replace("job_templates", "workflow_job_templates"), 20 << 20) == (413, 0)


def test_others_may_be_larger(db: str) -> None:
    assert sent("/api/v2/job_templates/7/launch/", 20 << 20, 20) == (200, 20)
    assert sent("/api/v2/job_templates/7/launch/", (20 << 20) + 1) == (413, 0)
