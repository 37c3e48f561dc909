"""What is inside an EE: the packages of a digest, with search, and the button to look inside."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.images.inspect.contents import KINDS
from gantry.images.inspect.known import ask, contents_of, meant
from gantry.images.sbom import MEDIA_TYPE, cyclonedx
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.images import ImageContents
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
    if digest and not meant(row, digest):
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
    counts = Counter(package["kind"] for package in (inside.packages if inside else ()))
    return [(kind, KIND_WORDS[kind], counts[kind]) for kind in KINDS if counts[kind]]


@action
def look(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a digest looked into, or once more."""
    row = found(request, ExecutionEnvironment.objects.all(), pk, "change")
    digest = request.POST.get("digest", "")
    if not meant(row, digest):
        raise Http404(f"{row} never meant {digest}")
    ask(row, digest, again=True)
    messages.success(request, "A controller looks inside; this takes some seconds.")
    return redirect(f"{request.path.removesuffix('look/')}?digest={digest}")


@signed_in
def sbom(request: HttpRequest, pk: int) -> HttpResponse:
    """?digest='s software bill of materials, CycloneDX 1.6 in JSON."""
    row = found(request, ExecutionEnvironment.objects.all(), pk)
    digest = request.GET.get("digest", "")
    inside = contents_of(digest) if meant(row, digest) else None
    if inside is None or inside.state != "inspected":
        raise Http404(f"{row} has no contents of {digest}")
    name = digest.replace(":", "-")[:19]
    return HttpResponse(
        cyclonedx(inside, inside.inspected),
        content_type=MEDIA_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{name}.cdx.json"'},
    )
