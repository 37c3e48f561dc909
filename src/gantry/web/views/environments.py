"""Execution environments: the list, what one's next job would run and why, and their form."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.base.errors import GantryError
from gantry.images.platforms import platforms_now
from gantry.resources.access import may_add, visible
from gantry.resources.base import DRIFT_POLICIES
from gantry.resources.environments import EnvironmentDigest, ExecutionEnvironment
from gantry.resources.jobs import Installation, UnifiedJob
from gantry.resources.organizations import Organization
from gantry.resources.projects import Project
from gantry.web.environment_choice import ChoiceForm, ladder
from gantry.web.environment_page import drift_words, known_contents, listed, mark, next_run
from gantry.web.forms import EnvironmentForm
from gantry.web.pages import adding, found, page, paged, signed_in, who

RELATED = ("organization", "credential")


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), ExecutionEnvironment.objects.all())
    rows = rows.select_related(*RELATED)
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words) | rows.filter(image__icontains=words)
    shown = paged(request, rows.order_by("name", "pk"))
    return page(
        request,
        "environments/list.html",
        {
            "rows": shown,
            "lines": listed(shown),
            "can_add": may_add(who(request), ExecutionEnvironment),
            "global_default": _global_default(),
            "rungs": ladder(None),
            "choice": _global_choice(request),
        },
    )


def _global_choice(request: HttpRequest) -> ChoiceForm | None:
    if not who(request).is_superuser:
        return None
    installation = Installation.objects.select_related("default_environment").get()
    return ChoiceForm(user=who(request), chosen=installation.default_environment)


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    context = shown(request, pk, "overview")
    row: ExecutionEnvironment = context["row"]
    jobs = visible(who(request), UnifiedJob.objects.filter(execution_environment=row))
    context |= {
        "jobs": jobs.select_related("created_by").order_by("-id")[:10],
        "templates": visible(who(request), row.unifiedjobtemplates.all()).order_by("name")[:50],
        "default_of": _default_of(request, row),
        "global_default": _global_default() == row.pk,
        "digests": row.digests.order_by("-last_seen")[:50],
        "policies": DRIFT_POLICIES,
        "differs": drift_words(context["before"], row.registry_digest) if row.drifted_since else "",
        "may_accept": not row.fixed_digest
        and row.drift_policy in ("warn", "hold")
        and row.registry_digest not in ("", row.accepted_digest),
    }
    return page(request, "environments/detail.html", context)


@signed_in
def digests(request: HttpRequest, pk: int) -> HttpResponse:
    """The history: every digest that the EE meant, from whom that is known, and its jobs."""
    context = shown(request, pk, "digests")
    row: ExecutionEnvironment = context["row"]
    rows = paged(request, row.digests.order_by("-last_seen", "-pk"))
    jobs = visible(who(request), UnifiedJob.objects.filter(execution_environment=row))
    here = [d.digest for d in rows]
    counted = jobs.filter(ee_digest__in=here).order_by().values("ee_digest")
    counts = {c["ee_digest"]: c for c in counted.annotate(count=Count("id"), last=Max("id"))}
    known = known_contents(here)
    context |= {
        "rows": rows,
        "lines": [(d, known.get(d.digest), counts.get(d.digest)) for d in rows],
    }
    return page(request, "environments/digests.html", context)


@signed_in
def platforms(request: HttpRequest, pk: int) -> HttpResponse:
    """Which machines the image is built for, asked of its registry while the person waits."""
    context = shown(request, pk, "overview")
    try:
        context["platforms"] = platforms_now(context["row"])
    except GantryError as error:
        context["problem"] = str(error)
    return page(request, "environments/platforms.html", context)


def shown(request: HttpRequest, pk: int, tab: str) -> dict[str, Any]:
    """What all pages of one EE show."""
    row = found(request, ExecutionEnvironment.objects.select_related(*RELATED), pk)
    seen: QuerySet[EnvironmentDigest] = row.digests.all()
    runs = next_run(row, seen[:200])
    return {
        "row": row,
        "tab": tab,
        "ee_mark": mark(row),
        "runs": runs,
        "contents": known_contents([runs.digest]).get(runs.digest),
        "before": row.wanted_digest or row.last_digest,
    }


def _global_default() -> int | None:
    return Installation.objects.values_list("default_environment", flat=True).first()


def _default_of(request: HttpRequest, row: ExecutionEnvironment) -> list[tuple[str, Any]]:
    """The projects and organizations whose default it is, with the name of their page."""
    me = who(request)
    projects = visible(me, Project.objects.filter(default_environment=row)).order_by("name")
    owners = visible(me, Organization.objects.filter(default_environment=row)).order_by("name")
    return [("organization", o) for o in owners[:50]] + [("project", p) for p in projects[:50]]


@signed_in
def edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    if pk is None:
        adding(request, ExecutionEnvironment)
    row = found(request, ExecutionEnvironment.objects.all(), pk, "change") if pk else None
    form = EnvironmentForm(request.POST or None, instance=row, user=who(request))
    if request.method == "POST" and form.is_valid():
        saved = form.save_for()
        messages.success(request, f"Saved {saved.name}.")
        return redirect("environment", saved.pk)
    context = {
        "form": form,
        "row": row,
        "noun": "execution environment",
        "back": "environments",
        "here": "environment",
    }
    return page(request, "form.html", context, status=422 if form.errors else 200)
