"""Execution environments: which images there are, what ran from them last, and their form."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.resources.access import may_add, visible
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.jobs import UnifiedJob
from gantry.web.forms import EnvironmentForm
from gantry.web.pages import adding, found, page, paged, signed_in, who


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), ExecutionEnvironment.objects.all())
    rows = rows.select_related("organization", "credential")
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words) | rows.filter(image__icontains=words)
    context = {"rows": paged(request, rows), "can_add": may_add(who(request), ExecutionEnvironment)}
    return page(request, "environments/list.html", context)


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    rows = ExecutionEnvironment.objects.select_related("organization", "credential")
    row = found(request, rows, pk)
    jobs = visible(who(request), UnifiedJob.objects.filter(execution_environment=row))
    return page(
        request,
        "environments/detail.html",
        {
            "row": row,
            "jobs": jobs.select_related("created_by").order_by("-id")[:10],
            "users": row.unifiedjobtemplates.order_by("name")[:50],
        },
    )


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
    context = {"form": form, "row": row, "noun": "execution environment", "back": "environments"}
    return page(request, "form.html", context, status=422 if form.errors else 200)
