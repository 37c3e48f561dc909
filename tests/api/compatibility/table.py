"""The table itself: AWX's endpoints as they were read in its source, against the map of the API.

`python -m tests.api.compatibility.table > docs/awx-compatibility.md`
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from django.urls import Resolver404, resolve

from tests.api.compatibility.differences import ABSENT, DIFFERS

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PARTS = {"pk": "1", "category_slug": "jobs", "version": "v2"}
HEAD = """\
# Beside AWX 24.6.1

Made by `python -m tests.api.compatibility.table`. `tests/api/test_compatibility.py` compares it
with what the API answers, and asks every endpoint. `tests/api/test_awx_shapes.py` replays the 198
exchanges that were recorded with a running AWX; `tests/api/shape_differences.py` has what is not
alike in them, key by key, with the reason.

✓ works · **≠** differs, the note says in what · — not there, the note says why · blank: AWX has no
such method.
"""


@dataclass(frozen=True)
class Endpoint:
    """One of AWX's: its path with {pk}, and its methods."""

    path: str
    methods: tuple[str, ...]

    @property
    def noun(self) -> str:
        parts = self.path.strip("/").split("/")
        return parts[2] if len(parts) > 2 and parts[1] == "v2" else "/".join(parts[:2])

    def url(self) -> str:
        return re.sub(r"\{(\w+)\}", lambda m: PARTS[m[1]], self.path)


def awx_endpoints() -> list[Endpoint]:
    text = (Path(__file__).parent / "awx_endpoints.txt").read_text()
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return [Endpoint(line[-1], tuple(line[:-1])) for line in lines]


def methods_of(url: str) -> set[str]:
    """Those that Gantry's view of a URL takes; none where there is no view."""
    try:
        function: Any = resolve(url).func
    except Resolver404:
        return set()
    view = getattr(function, "view_class", None) or getattr(function, "cls", None)
    if view is None:  # a function of Django's kind: only its decorator knows
        return {"POST"} if url.endswith("token/") else {"GET", "POST"}
    return {m for m in METHODS if m.lower() in view.http_method_names and hasattr(view, m.lower())}


def mark_of(endpoint: Endpoint, method: str) -> tuple[str, str]:
    """The sign in the table, and the note."""
    if method not in endpoint.methods:
        return "", ""
    named = f"{method} {endpoint.path}"
    there = method in methods_of(endpoint.url())
    words = next((w for p, w in (DIFFERS if there else ABSENT).items() if re.search(p, named)), "")
    if there:
        return ("**≠**", words) if words else ("✓", "")
    return "—", words or "not built yet"


def table() -> Iterator[str]:
    yield from HEAD.splitlines()
    endpoints = awx_endpoints()
    marks = [mark_of(e, m)[0] for e in endpoints for m in e.methods]
    yield ""
    yield (
        f"Of {len(marks)} methods of {len(endpoints)} endpoints {marks.count('✓')} work, "
        f"{marks.count('**≠**')} differ, {marks.count('—')} are not there."
    )
    for noun, members in _sections(endpoints).items():
        yield from ("", f"## {noun}", "", f"| endpoint | {' | '.join(METHODS)} | note |")
        yield "| --- |" + " --- |" * (len(METHODS) + 1)
        yield from map(_line, members)
    yield from _own()


def _sections(endpoints: list[Endpoint]) -> dict[str, list[Endpoint]]:
    """By noun; what is one or two endpoints alone stands together in front."""
    nouns = {n: list(members) for n, members in groupby(endpoints, key=lambda e: e.noun)}
    small = [e for members in nouns.values() if len(members) < 3 for e in members]
    return {"The frame": small} | {n: m for n, m in nouns.items() if len(m) >= 3}


def _line(endpoint: Endpoint) -> str:
    found = [mark_of(endpoint, method) for method in METHODS]
    notes = "; ".join(dict.fromkeys(note for _, note in found if note))
    return f"| `{endpoint.path}` | {' | '.join(mark for mark, _ in found)} | {notes} |"


def own_paths() -> list[str]:
    """Gantry's own endpoints, which AWX does not have."""
    from gantry.api.urls import v2

    known = {e.path for e in awx_endpoints()}
    paths = ["/api/v2/" + re.sub(r"<int:(\w+)>", r"{\1}", str(p.pattern)) for p in v2]
    named = [p for p in paths if "<" not in p and not p.startswith("/api/v2/settings/")]
    return sorted({p for p in named if p not in known})


def _own() -> Iterator[str]:
    yield from ("", "## What AWX does not have", "")
    for path in own_paths():
        methods = methods_of(re.sub(r"\{(\w+)\}", "1", path))
        yield f"- `{path}`: {', '.join(m for m in METHODS if m in methods)}"


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gantry.base.django")
    django.setup()
    print("\n".join(table()))
