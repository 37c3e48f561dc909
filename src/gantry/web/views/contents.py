"""What is inside an EE: the packages of a digest, with search, and the button to look inside."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.images.inspect.contents import KINDS
from gantry.images.inspect.request import request_inspection
from gantry.resources.environments import EnvironmentDigest, ExecutionEnvironment
from gantry.resources.images import ImageContents
from gantry.resources.jobs import UnifiedJob
from gantry.web.environment_page import at_digest
from gantry.web.pages import action, found, page, signed_in
from gantry.web.views.environments import shown

KIND_WORDS = {
    "collection": "Collections",
    "python": "Python packages",
    "deb": "Debian packages",
    "rpm": "RPM packages",
}


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """?digest= one that this EE meant, else what its next job runs; ?q= and ?kind= narrow."""
    context = shown(request, pk, "contents")
    row: ExecutionEnvironment = context["row"]
    digest = request.GET.get("digest", "") or context["runs"].digest
    if digest and not _belongs(row, digest):
        raise Http404(f"{row} never meant {digest}")
    found_one = contents_of(digest)
    context |= {
        "digest": digest,
        "inside": found_one,
        "digests": row.digests.order_by("-last_seen", "-pk")[:100],
        "runs_digest": context["runs"].digest,
        "sections": sections(found_one, request) if found_one else [],
        "kinds": _kinds(found_one),
        "total": len(found_one.packages) if found_one else 0,
    }
    return page(request, "environments/contents.html", context)


def contents_of(digest: str) -> ImageContents | None:
    """The best that is known: inspected before being looked at before failed."""
    rows = ImageContents.objects.filter(digest=digest) if digest else ImageContents.objects.none()
    order = {"inspected": 0, "running": 1, "pending": 2, "failed": 3}
    return min(rows, key=lambda r: (order[r.state], -r.pk), default=None)


def sections(inside: ImageContents, request: HttpRequest) -> list[dict[str, Any]]:
    """The packages by kind, those whose name has the words; one pass over the list."""
    words = request.GET.get("q", "").strip().lower()
    wanted = request.GET.get("kind", "")
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for package in inside.packages:
        kind = package["kind"]
        if (not wanted or kind == wanted) and words in package["name"].lower():
            by_kind.setdefault(kind, []).append(package)
    return [
        {"kind": kind, "word": KIND_WORDS[kind], "rows": by_kind[kind]}
        for kind in KINDS
        if kind in by_kind
    ]


def _kinds(inside: ImageContents | None) -> list[tuple[str, str, int]]:
    counts = dict.fromkeys(KINDS, 0)
    for package in inside.packages if inside else ():
        counts[package["kind"]] += 1
    return [(kind, KIND_WORDS[kind], count) for kind, count in counts.items() if count]


@action
def look(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a digest looked into, or once more."""
    row = found(request, ExecutionEnvironment.objects.all(), pk, "change")
    digest = request.POST.get("digest", "")
    if not _belongs(row, digest):
        raise Http404(f"{row} never meant {digest}")
    seen = row.digests.filter(digest=digest).first()
    known = contents_of(digest)
    request_inspection(
        digest,
        known.platform if known else _platform(row, seen, digest),
        known.image_id if known else "",
        at_digest(row.image, digest),
        again=known is not None,
    )
    messages.success(request, "A controller looks inside; this takes some seconds.")
    return redirect(f"{request.path.removesuffix('look/')}?digest={digest}")


def _platform(row: ExecutionEnvironment, seen: EnvironmentDigest | None, digest: str) -> str:
    if seen is not None and seen.platform:
        return seen.platform
    jobs = UnifiedJob.objects.filter(execution_environment=row, ee_digest=digest)
    return jobs.exclude(ee_platform="").values_list("ee_platform", flat=True).last() or ""


def _belongs(row: ExecutionEnvironment, digest: str) -> bool:
    own = (row.wanted_digest, row.last_digest, row.registry_digest, row.accepted_digest)
    return bool(digest) and (digest in own or row.digests.filter(digest=digest).exists())
