"""The difference of two execution environments through the API, from request to the last byte.

    python bench/diff.py [--packages 1000]

Runs an embedded PostgreSQL of its own with two EEs of that many packages, of which a third differs,
and asks `/api/v2/execution_environments/1/diff/?with=2` in this process, logged in by session:
everything but the socket. Also the contents, the same searched, and the bill of materials.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

from ingest import installation

ROUNDS = 40


def packages(count: int, release: int) -> list[dict[str, Any]]:
    """As an EE has them: some collections, a third Python, the rest of the distribution. Every
    third has another version in the second release, every fiftieth another name."""
    rows = []
    for n in range(count):
        kind = "collection" if n % 20 == 0 else "python" if n % 3 == 0 else "rpm"
        name = f"ns{n}.name{n}" if kind == "collection" else f"package-{n}"
        if n % 50 == 1:
            name += f"x{release}"
        version = f"1.{n}.{release if n % 3 == 0 else 0}-4.el9"
        row = {"kind": kind, "name": name, "version": version, "licence": "Apache-2.0"}
        rows.append(row | {"path": f"/usr/lib/python3.11/site-packages/{name}.dist-info"})
    return rows


def fill(count: int) -> list[int]:
    from gantry.resources.images import ImageContents
    from gantry.resources.models import ExecutionEnvironment

    made = []
    for release in (1, 2):
        digest = f"sha256:{release:064x}"
        row = ExecutionEnvironment.objects.create(
            name=f"ee {release}", image=f"quay.io/org/ee:{release}", last_digest=digest
        )
        ImageContents.objects.create(
            digest=digest, platform="linux/amd64", reference=row.image, state="inspected",
            packages=packages(count, release), distribution="Red Hat Enterprise Linux 9.4 (Plow)",
        )  # fmt: skip
        made.append(row.pk)
    return made


def measure(client: Any, url: str) -> tuple[float, float, int]:
    """Median and slowest milliseconds, and the answer's size in bytes."""
    took, size = [], 0
    for n in range(ROUNDS + 3):
        began = time.perf_counter()
        answer = client.get(url)
        size = len(answer.content)
        if n >= 3:
            took.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.content
    return statistics.median(took), max(took), size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=int, default=1000)
    count = parser.parse_args().packages
    with installation():
        from django.conf import settings
        from django.test import Client

        from gantry.resources.models import User

        settings.ALLOWED_HOSTS = ["*"]
        old, new = fill(count)
        client = Client()
        client.force_login(User.objects.create(username="bench", is_superuser=True))
        base = f"/api/v2/execution_environments/{old}"
        print(
            f"EEs of {count:,} packages\n\n| request | ms, median (slowest of {ROUNDS}) | bytes |"
        )
        print("| --- | --- | --- |")
        for name, url in (
            ("difference to another EE", f"{base}/diff/?with={new}"),
            ("contents", f"{base}/contents/"),
            ("contents, searched", f"{base}/contents/?search=package-77"),
            ("bill of materials", f"{base}/sbom/"),
        ):
            median, worst, size = measure(client, url)
            print(f"| {name} | {median:.1f} ({worst:.1f}) | {size:,} |", flush=True)


if __name__ == "__main__":
    main()
