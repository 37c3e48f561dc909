"""Event committed to the browser's DOM, with 100 watchers of the job.

    python bench/watchers.py [--watchers 100] [--rate 20] [--seconds 20]

A real web process, one headless Chromium on the job's page and the other watchers as plain readers
of the same server-sent events. The clock starts when the recorder is handed the event, before its
commit, and stops in a MutationObserver of the page, so the figure errs on the slow side.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.launch import PASSWORD, gantry

OBSERVE = """
() => {
  window.seen = [];
  const note = (node) => {
    for (const [, sent] of (node.textContent || "").matchAll(/sent=([0-9.]+)/g))
      window.seen.push([sent, Date.now() / 1000]);
  };
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) note(node);
  }).observe(document.body, { childList: true, subtree: true });
}
"""


def make_job(created: datetime) -> int:
    import django

    django.setup()
    from gantry.resources.models import Job, User

    job = Job.objects.create(
        kind="job", name="watched", status="running", stage="running", lease_epoch=1,
        created_by=User.objects.first(), started=created,
        lease_owner=uuid.uuid4(), lease_expires=created + timedelta(hours=1),  # nobody adopts it
    )  # fmt: skip
    Job.objects.filter(pk=job.pk).update(created=created)
    return int(job.pk)


async def login(host: str, port: int) -> str:
    """A session's cookie, through AWX's own login endpoint."""

    async def ask(head: str, body: str = "") -> SimpleCookie:
        reader, writer = await asyncio.open_connection(host, port)
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        fields = f"Host: {host}:{port}\r\nConnection: close\r\n{length}\r\n"
        writer.write(f"{head}{fields}{body}".encode())
        answer = (await reader.read()).decode("utf-8", "replace")
        writer.close()
        cookies = SimpleCookie()
        for line in answer.split("\r\n\r\n")[0].splitlines():
            if line.lower().startswith("set-cookie:"):
                cookies.load(line.partition(":")[2].strip())
        return cookies

    token = (await ask("GET /login/ HTTP/1.1\r\n"))["csrftoken"].value
    form = urlencode({"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token})
    cookies = await ask(
        f"POST /login/ HTTP/1.1\r\nCookie: csrftoken={token}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n",
        form,
    )
    return cookies["awx_sessionid"].value


async def watch(host: str, port: int, job: int, cookie: str, got: list[int]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        f"GET /jobs/{job}/events?after=0 HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Cookie: awx_sessionid={cookie}\r\n\r\n".encode()
    )
    try:
        while data := await reader.read(1 << 16):
            got[0] += data.count(b"sent=")
    finally:
        writer.close()


async def record(url: str, job: int, created: datetime, rate: float, seconds: float) -> int:
    from psycopg_pool import AsyncConnectionPool

    from gantry.base.redact import Redactor
    from gantry.pods.frames import Frame, Kind
    from gantry.record.ingest import POOL, RecordedJob, Recorder

    total = int(rate * seconds)
    async with AsyncConnectionPool(url, min_size=1, max_size=2, open=False, **POOL) as pool:
        recorder = Recorder(pool, RecordedJob(job, created, 1), Redactor([]), {})
        begin = time.perf_counter()
        for n in range(1, total + 1):
            await asyncio.sleep(max(0.0, begin + n / rate - time.perf_counter()))
            event = {
                "uuid": f"{n:036d}", "event": "runner_on_ok", "event_data": {"task": "t"},
                "stdout": f"ok: [host] line {n} sent={time.time():.4f}",
                "created": datetime.now(UTC).replace(tzinfo=None).isoformat(),
            }  # fmt: skip
            await recorder.record([Frame(Kind.EVENT, n, n, n - 1, 1, json.dumps(event).encode())])
    return total


async def run(address: str, url: str, arguments: Any) -> list[float]:
    from playwright.async_api import async_playwright

    host, port = address.removeprefix("http://").split(":")
    created = datetime.now(UTC)
    job = await asyncio.to_thread(make_job, created)
    cookie = await login(host, int(port))
    got = [0]
    watchers = [
        asyncio.create_task(watch(host, int(port), job, cookie, got))
        for _ in range(arguments.watchers - 1)
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"],
        )
        context = await browser.new_context()
        await context.add_cookies([{"name": "awx_sessionid", "value": cookie, "url": address}])
        page = await context.new_page()
        await page.goto(f"{address}/jobs/{job}/")
        await page.evaluate(OBSERVE)
        await asyncio.sleep(2)
        total = await record(url, job, created, arguments.rate, arguments.seconds)
        for _ in range(100):
            seen = await page.evaluate("window.seen")
            if len({s for s, _ in seen}) >= total:
                break
            await asyncio.sleep(0.1)
        await browser.close()
    for task in watchers:
        task.cancel()
    assert got[0] == total * (arguments.watchers - 1), (got, total)
    first: dict[str, float] = {}
    for sent, at in seen:
        first.setdefault(sent, at)
    assert len(first) == total, f"{len(first)} of {total} lines came into the page"
    return [(at - float(sent)) * 1000 for sent, at in first.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--watchers", type=int, default=100)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="gantry-bench-"))
    home.chmod(0o711)
    with gantry(home / "data") as (address, url):
        took = asyncio.run(run(address, url, arguments))
    cuts = statistics.quantiles(took, n=100)
    print(f"\n| {arguments.watchers} watchers, {arguments.rate:g} events/s: ms to the DOM | |")
    print("| --- | --- |")
    print(f"| p50 | {cuts[49]:.0f} |\n| **p99** | **{cuts[98]:.0f}** |")
    print(f"| slowest | {max(took):.0f} |")


if __name__ == "__main__":
    main()
