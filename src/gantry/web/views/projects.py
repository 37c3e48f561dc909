"""Projects: repositories of playbooks, their syncs, and their form."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.base.errors import GantryError
from gantry.path.updates import update_project
from gantry.resources.access import may, may_add, visible
from gantry.resources.jobs import ACTIVE
from gantry.resources.projects import Project
from gantry.resources.templates import JobTemplate
from gantry.web.environment_choice import RELATED as RESOLVED
from gantry.web.environment_choice import ChoiceForm, answers, ladder
from gantry.web.form_page import FormPage, crumb, done, kept
from gantry.web.forms import ProjectForm
from gantry.web.inventory_forms import when
from gantry.web.pages import action, adding, found, page, paged, signed_in, tell, who


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), Project.objects.select_related("organization", "last_job"))
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words) | rows.filter(scm_url__icontains=words)
    rows = rows.order_by("name", "pk")
    context = {"rows": paged(request, rows), "can_add": may_add(who(request), Project)}
    return page(request, "projects/list.html", context)


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    rows = Project.objects.select_related(
        "organization",
        "credential",
        "default_environment",
        "snapshot",
        "signature_validation_credential",
    )
    row = found(request, rows, pk)
    updates = row.project_updates.select_related("created_by").order_by("-id")
    templates = visible(who(request), JobTemplate.objects.filter(project=row))
    templates = templates.select_related("last_job", *RESOLVED).order_by("name")
    return page(
        request,
        "projects/detail.html",
        {
            "row": row,
            "updates": updates[:10],
            "playbooks": row.playbook_files,
            "commits": row.snapshots.select_related("update").order_by("-created")[:10],
            "running": updates.filter(status__in=ACTIVE).first(),
            "answers": answers(templates[:25]),
            "rungs": ladder(row),
            "choice": ChoiceForm(user=who(request), chosen=row.default_environment)
            if may(who(request), "change", row)
            else None,
        },
    )


@signed_in
def edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    if pk is None:
        adding(request, Project)
    row = found(request, Project.objects.all(), pk, "change") if pk else None
    form = ProjectForm(request.POST or None, instance=row, user=who(request))
    if request.method == "POST" and form.is_valid():
        answer = kept(request, form, "projects", pk, form.body())
        if answer is not None:
            words = f"Saved {answer.data['name']}." + ("" if pk else " It is being synced.")
            return done(request, words, "project", answer.pk)
    when(form, scm_refspec="scm_type=git", scm_track_submodules="scm_type=git",
         scm_branch="scm_type=git,svn", allow_override="scm_type=git,svn")  # fmt: skip
    crumbs = [crumb("Projects", "projects")]
    if row is not None:
        crumbs.append(crumb(row.name, "project", row.pk))
    return FormPage(f"Edit {row.name}" if row else "New project", crumbs).show(request, form)


@action
def sync(request: HttpRequest, pk: int) -> HttpResponse:
    project = found(request, Project.objects.all(), pk, "update")
    try:
        update = update_project(project, user=who(request))
    except GantryError as error:
        tell(request, error)
        return redirect("project", pk)
    return redirect("job", update.pk)
