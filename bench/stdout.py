"""Pages of a million-line job's stdout: 100 lines at the start, in the middle and at the end.

    python bench/stdout.py [--lines 1000000]

Runs an embedded PostgreSQL of its own, fills one job by COPY, prints a Markdown table. Each figure
is a page as the API makes it (`record.output.page`: the range, the lines, the format), without
HTTP. AWX 24.6.1 needs 229 to 247 ms (with HTTP) at 20,000 events and refuses above 1 MiB.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import UTC, datetime

from ingest import installation, make_job

PAGES = 40


def fill(url: str, count: int) -> int:
    """A job of `count` lines, one an event, as a play over 50 hosts prints them."""
    import psycopg

    from gantry.record.rows import COLUMNS
    from gantry.resources.events import event_id

    created = datetime.now(UTC)
    number = make_job(created)
    data = '{"play":"Web servers","res":{"changed":false,"msg":"' + "lorem ipsum " * 20 + '"}}'
    with psycopg.connect(url) as connection:
        statement = f"COPY resources_jobevent ({COLUMNS}) FROM STDIN"
        with connection.cursor().copy(statement) as copy:
            for n in range(1, count + 1):
                stdout = f"\x1b[0;32mok: [node{n % 50:03}] => (item=package-{n})\x1b[0m"
                copy.write(
                    f"{event_id(number, n)}\t{number}\t{created}\t{n}\t{created}\tf\tf\t3\t{n - 1}"
                    f"\t{n}\t0\trunner_on_ok\tnode{n % 50:03}\t\\N\tsite.yml\tWeb servers\tInstall"
                    f"\tweb\tu-{n}\tt-{n // 50}\t{stdout}\t{data}\n"
                )
        connection.execute(
            "UPDATE resources_unifiedjob SET lines = %s, emitted_events = %s WHERE id = %s",
            [count, count, number],
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE resources_jobevent")
    return number


def measure(job: int, start: int, form: str) -> tuple[float, float]:
    """Median and slowest milliseconds of pages of 100 lines around a place."""
    from gantry.record import output

    took = []
    for n in range(PAGES):
        begin = time.perf_counter()
        page = output.page(job, start + n, start + n + 100, form)
        took.append((time.perf_counter() - begin) * 1000)
        assert page.content.count("\n") == 100
    return statistics.median(took), max(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    count = parser.parse_args().lines
    with installation() as url:
        job = fill(url, count)
        print(f"100 of {count:,} lines, ms: median (slowest of {PAGES})\n")
        print("| format | at the start | in the middle | at the end |")
        print("| --- | --- | --- | --- |")
        for form in ("ansi", "txt", "html"):
            places = (0, count // 2, count - 100 - PAGES)
            found = [measure(job, start, form) for start in places]
            cells = " | ".join(f"{median:.2f} ({worst:.1f})" for median, worst in found)
            print(f"| {form} | {cells} |", flush=True)
        download(job)


def download(job: int) -> None:
    from gantry.record import output

    begin = time.perf_counter()
    size = sum(len(piece) for piece in output.stream_text(job, "txt"))
    print(
        f"\nThe whole as a download (txt): {size:,} characters, {time.perf_counter() - begin:.1f} s"
    )


if __name__ == "__main__":
    main()
