"""What differs between two digests, of one EE or of two: packages added, removed and changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse

from gantry.images.diff import Change, Diff, diff
from gantry.images.inspect.known import contents_of
from gantry.resources.access import visible
from gantry.resources.environments import EnvironmentDigest, ExecutionEnvironment
from gantry.resources.images import ImageContents
from gantry.web.pages import page, signed_in, who
from gantry.web.views.contents import KIND_WORDS

FACT_WORDS = {
    "distribution": "Distribution", "python": "Python", "ansible_core": "ansible-core",
    "ansible_runner": "ansible-runner",
}  # fmt: skip
MOST = 500  # choices


@dataclass(frozen=True)
class Side:
    """One of the two: which digest, whose it is, and what is known of it."""

    digest: str
    environment: ExecutionEnvironment
    inside: ImageContents | None

    @property
    def known(self) -> bool:
        return self.inside is not None and self.inside.state == "inspected"


@dataclass(frozen=True)
class Line:
    """`how` is added, removed or changed."""

    how: str
    change: Change


@signed_in
def compare(request: HttpRequest) -> HttpResponse:
    """?left= and ?right= are digests that EEs this person may see have meant."""
    rows = visible(who(request), ExecutionEnvironment.objects.all())
    left = _side(rows, request.GET.get("left", ""))
    right = _side(rows, request.GET.get("right", ""))
    found = None
    if left and right and left.known and right.known:
        found = diff(left.inside, right.inside)  # type: ignore[arg-type]
    return page(
        request,
        "environments/diff.html",
        {
            "choices": _choices(rows),
            "left": left,
            "right": right,
            "both": [left, right],
            "sides": [(("left", left), "From"), (("right", right), "To")],
            "found": found,
            "facts": [(FACT_WORDS[f.name], f) for f in found.facts] if found else [],
            "sections": _sections(found) if found else [],
        },
    )


def _side(rows: Iterable[ExecutionEnvironment], digest: str) -> Side | None:
    if not digest:
        return None
    environment = _owner(rows, digest)
    if environment is None:
        raise Http404(f"no execution environment meant {digest}")
    return Side(digest, environment, contents_of(digest))


def _owner(rows: Iterable[ExecutionEnvironment], digest: str) -> ExecutionEnvironment | None:
    seen = EnvironmentDigest.objects.filter(environment__in=rows, digest=digest)
    first = seen.select_related("environment").order_by("-last_seen").first()
    return first.environment if first else None


def _choices(
    rows: Iterable[ExecutionEnvironment],
) -> list[tuple[ExecutionEnvironment, list[EnvironmentDigest]]]:
    """The digests that have been looked into, by EE."""
    inspected = ImageContents.objects.filter(state="inspected").values("digest")
    seen = EnvironmentDigest.objects.filter(environment__in=rows, digest__in=inspected)
    groups: dict[int, tuple[ExecutionEnvironment, list[EnvironmentDigest]]] = {}
    for one in seen.select_related("environment").order_by("environment__name", "-last_seen")[
        :MOST
    ]:
        groups.setdefault(one.environment_id, (one.environment, []))[1].append(one)
    return list(groups.values())


def _sections(found: Diff) -> list[dict[str, object]]:
    sections: list[dict[str, object]] = []
    for kind, part in found.kinds.items():
        lines = [
            Line(how, change)
            for how in ("changed", "added", "removed")
            for change in getattr(part, how)
        ]
        counts = [f"{len(getattr(part, how))} {how}" for how in ("changed", "added", "removed")
                  if getattr(part, how)]  # fmt: skip
        sections.append({"word": KIND_WORDS[kind], "lines": lines, "counts": ", ".join(counts)})
    return sections
