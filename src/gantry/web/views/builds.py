"""Building an EE: its definition, the lock of its last build, and the builds."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.base.errors import GantryError
from gantry.path.build import build_environment
from gantry.resources.access import may, visible
from gantry.resources.builds import EnvironmentBuild, EnvironmentDefinition
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.jobs import ACTIVE
from gantry.web.definition_form import STARTER, DefinitionForm
from gantry.web.pages import action, found, page, signed_in, tell, who
from gantry.web.views.environments import shown


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows, POST keeps the definition; who may not change the EE reads it."""
    context = shown(request, pk, "builds")
    row: ExecutionEnvironment = context["row"]
    known = EnvironmentDefinition.objects.filter(environment=row).first()
    form = _form(request, row, known) if may(who(request), "change", row) else None
    if request.method == "POST":
        found(request, ExecutionEnvironment.objects.all(), pk, "change")
        assert form is not None
        if form.is_valid():
            form.save_for()
            messages.success(request, "The definition is saved. Build it to see whether it holds.")
            return redirect("environment-builds", pk)
    builds = visible(who(request), EnvironmentBuild.objects.filter(environment=row))
    builds = builds.select_related("created_by").order_by("-id")
    context |= {
        "definition": known,
        "form": form,
        "builds": builds[:20],
        "running": builds.filter(status__in=ACTIVE).first(),
    }
    status = 422 if form is not None and form.errors else 200
    return page(request, "environments/builds.html", context, status=status)


def _form(
    request: HttpRequest, row: ExecutionEnvironment, known: EnvironmentDefinition | None
) -> DefinitionForm:
    data = request.POST if request.method == "POST" else None
    first: dict[str, Any] = {} if known else {"text": STARTER}
    instance = known or EnvironmentDefinition(environment=row)
    return DefinitionForm(data, instance=instance, initial=first, user=who(request))


@action
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Build the EE from its definition, `locked`: with the versions of its lock."""
    row = found(request, ExecutionEnvironment.objects.all(), pk, "change")
    try:
        build = build_environment(
            row,
            user=who(request),
            locked="locked" in request.POST,
            use_cache="fresh" not in request.POST,
        )
    except GantryError as error:
        tell(request, error)
        return redirect("environment-builds", pk)
    return redirect("job", build.pk)


@signed_in
def lock(request: HttpRequest, pk: int) -> HttpResponse:
    """The lock file as a file: what a build from it gives the same versions of."""
    row = found(request, ExecutionEnvironment.objects.all(), pk)
    known = EnvironmentDefinition.objects.filter(environment=row).first()
    if known is None or not known.lock:
        raise Http404(f"{row} has no lock")
    return _file(known.lock, "execution-environment.lock.yml")


@signed_in
def build_lock(request: HttpRequest, pk: int) -> HttpResponse:
    """The lock that one build left."""
    build = found(request, EnvironmentBuild.objects.all(), pk)
    if not build.lock:
        raise Http404(f"build {pk} left no lock")
    return _file(build.lock, f"build-{pk}.lock.yml")


def _file(text: str, name: str) -> HttpResponse:
    return HttpResponse(
        text,
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
