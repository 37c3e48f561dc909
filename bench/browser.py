"""The job page in headless Chromium: opening, scrolling, and 10,000 lines a second arriving.

    python -m bench.browser [--lines 1000000] [--rate 10000] [--seconds 20]

A real web process on an embedded PostgreSQL of its own. Frames are the times between two animation
frames while the mouse wheel turns; a line's age is taken from the time at which it was handed to
the recorder, so it errs on the slow side; input delay is the browser's own (Event Timing).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.launch import PASSWORD, gantry
from bench.watchers import make_job

BATCH = 500
FRAMES = """
() => { window.frames_ = []; let before = performance.now();
  const step = (now) => { window.frames_.push(now - before); before = now; requestAnimationFrame(step); };
  requestAnimationFrame(step); }
"""  # noqa: E501
LIVE = """
() => { window.ages = []; window.delays = [];
  new PerformanceObserver((list) => { for (const e of list.getEntries())
    if (e.name === "keydown") window.delays.push(e.processingStart - e.startTime);
  }).observe({ type: "event", durationThreshold: 16 });
  setInterval(() => { const rows = document.querySelectorAll("#log .ln");
    const sent = /sent=([0-9.]+)/.exec(rows[rows.length - 1]?.textContent ?? "");
    if (sent) window.ages.push(Date.now() - Number(sent[1]) * 1000); }, 100); }
"""


def fill(url: str, count: int) -> int:
    """A finished job of `count` lines, one an event."""
    import psycopg

    created = datetime.now(UTC)
    job = make_job(created)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO resources_jobevent SELECT (%(job)s::bigint << 26) | n, %(job)s,"
            " %(created)s, n, 'runner_on_ok', '{\"res\": {\"changed\": false}}', %(created)s,"
            " 'u' || n, 't' || n / 50, false, false, 3, 'node' || n %% 50, NULL, 'site.yml', 'Web',"
            " 'Install', '', E'\\x1b[0;32mok: [node' || n %% 50 || '] => (item=package-' || n"
            " || E')\\x1b[0m', n - 1, n, 0 FROM generate_series(1, %(count)s) n",
            {"job": job, "created": created, "count": count},
        )
        connection.execute(
            "UPDATE resources_unifiedjob SET lines = %(count)s, emitted_events = %(count)s,"
            " status = 'successful', stage = 'done', finished = now() WHERE id = %(job)s",
            {"count": count, "job": job},
        )
        connection.execute("ANALYZE resources_jobevent")
    return job


async def opening(page: Any, address: str, job: int) -> tuple[float, float]:
    """(first contentful paint, first line in the page), milliseconds; medians of five."""
    paints, firsts = [], []
    for _ in range(5):
        await page.goto(f"{address}/jobs/{job}/")
        await page.wait_for_selector("#log .ln")
        firsts.append(await page.evaluate("performance.now()"))
        await page.wait_for_timeout(100)
        paints.append(await page.evaluate(
            "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        ))  # fmt: skip
    return statistics.median(paints), statistics.median(firsts)


async def scrolling(page: Any, address: str, job: int, count: int) -> list[float]:
    """Milliseconds of each frame while the wheel turns at five places of the output."""
    await page.goto(f"{address}/jobs/{job}/")
    await page.wait_for_selector("#log .ln")
    found: list[float] = []
    for place in range(5):
        line = max(count * place // 5, 1)
        await page.evaluate(f"location.hash = '#line-{line}'")
        await page.wait_for_selector(f"#line-{line}")
        await page.locator("#log").hover()
        await page.wait_for_timeout(500)
        await page.evaluate(FRAMES)
        for _ in range(40):
            await page.mouse.wheel(0, 240)
            await asyncio.sleep(0.03)
        found += (await page.evaluate("window.frames_"))[2:]
        await page.reload()
        await page.wait_for_selector("#log .ln")
    return found


async def record(url: str, job: int, created: datetime, rate: int, seconds: float) -> None:
    from psycopg_pool import AsyncConnectionPool

    from gantry.base.redact import Redactor
    from gantry.pods.frames import Frame, Kind
    from gantry.record.ingest import POOL, RecordedJob, Recorder

    async with AsyncConnectionPool(url, min_size=1, max_size=2, open=False, **POOL) as pool:
        recorder = Recorder(pool, RecordedJob(job, created, 1), Redactor([]), {})
        begin, n = time.perf_counter(), 0
        while n < rate * seconds:
            await asyncio.sleep(max(0.0, begin + n / rate - time.perf_counter()))
            frames = []
            for _ in range(BATCH):
                n += 1
                body = {
                    "uuid": str(n), "event": "runner_on_ok", "event_data": {"task": "t"},
                    "stdout": f"ok: [host] line {n} sent={time.time():.3f}",
                }  # fmt: skip
                frames.append(Frame(Kind.EVENT, n, n, n - 1, 1, json.dumps(body).encode()))
            await recorder.record(frames)
        print(f"| lines recorded a second | {n / (time.perf_counter() - begin):,.0f} |")


async def live(page: Any, address: str, url: str, arguments: Any) -> dict[str, Any]:
    created = datetime.now(UTC)
    job = await asyncio.to_thread(make_job, created)
    await page.goto(f"{address}/jobs/{job}/")
    await page.wait_for_timeout(1000)
    await page.evaluate(LIVE)
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")

    async def heap() -> float:
        await session.send("HeapProfiler.collectGarbage")
        told = await session.send("Performance.getMetrics")
        return next(m["value"] for m in told["metrics"] if m["name"] == "JSHeapUsedSize") / 1e6

    writing = asyncio.create_task(record(url, job, created, arguments.rate, arguments.seconds))
    heaps, looked = [], 0.0
    while not writing.done():
        await page.keyboard.press("t")
        await asyncio.sleep(0.5)
        if not heaps or time.monotonic() - looked > 4:
            looked = time.monotonic()
            heaps.append(await heap())
    await writing
    heaps.append(await heap())
    return {
        "ages": await page.evaluate("ages"), "delays": await page.evaluate("delays"), "heaps": heaps
    }  # fmt: skip


async def run(address: str, url: str, arguments: Any) -> None:
    from playwright.async_api import async_playwright

    small = await asyncio.to_thread(fill, url, 10)
    large = await asyncio.to_thread(fill, url, arguments.lines)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"],
        )
        page = await (await browser.new_context(viewport={"width": 1280, "height": 900})).new_page()
        await page.goto(f"{address}/login/")
        await page.get_by_label("User name").fill("admin")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_url("**/")
        print("\n| the job page | |\n| --- | --- |")
        for job, words in ((small, "10"), (large, f"{arguments.lines:,}")):
            paint, first = await opening(page, address, job)
            print(f"| {words} lines: first paint, first line (ms) | {paint:.0f}, {first:.0f} |")
        frames = await scrolling(page, address, large, arguments.lines)
        cuts = statistics.quantiles(frames, n=100)
        print(f"| frames while scrolling: p50, p99, longest of {len(frames)} (ms) |"
              f" {cuts[49]:.0f}, {cuts[98]:.0f}, {max(frames):.0f} |")  # fmt: skip
        told = await live(page, address, url, arguments)
        ages = statistics.quantiles(told["ages"], n=100)
        print(f"| age of the newest line: p50, p99 (ms) | {ages[49]:.0f}, {ages[98]:.0f} |")
        print(f"| input delay: longest of {len(told['delays'])} slow inputs (ms) |"
              f" {max(told['delays'], default=0):.0f} |")  # fmt: skip
        heaps = ", ".join(f"{h:.1f}" for h in told["heaps"])
        print(f"| heap while lines arrive (MB) | {heaps} |")
        await browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="gantry-bench-"))
    home.chmod(0o711)
    with gantry(home / "data") as (address, url):
        asyncio.run(run(address, url, arguments))
    print(f"| load | {os.getloadavg()[0]:.1f} |")


if __name__ == "__main__":
    main()
