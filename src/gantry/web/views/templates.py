"""Job templates: the list, one template, its form, and the launch with its prompts."""

from __future__ import annotations

import shlex
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.base.errors import GantryError, InvalidInput
from gantry.path.launch import launch_job
from gantry.path.preflight import preflight_of
from gantry.path.pull import PullRequest
from gantry.path.rehearsal import Rehearsed, rehearse
from gantry.path.resolve import Resolution, resolve_environment
from gantry.path.trust import check_registry, trust_of
from gantry.resources.access import may, may_add, visible
from gantry.resources.templates import JobTemplate
from gantry.web.ask import Answer, ask, sentences
from gantry.web.environment_choice import RELATED as RESOLVED
from gantry.web.environment_choice import ChoiceForm, ladder
from gantry.web.form_page import done, kept
from gantry.web.forms import refuse
from gantry.web.launch_form import LaunchForm
from gantry.web.pages import adding, found, page, paged, signed_in, tell, who
from gantry.web.saved_prompts_form import relate
from gantry.web.template_form import TemplateForm

RELATED = ("project", "inventory", "organization", "execution_environment", "last_job")


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), JobTemplate.objects.select_related(*RELATED))
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words) | rows.filter(playbook__icontains=words)
    context = {"rows": paged(request, rows), "can_add": may_add(who(request), JobTemplate)}
    return page(request, "templates/list.html", context)


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, JobTemplate.objects.select_related(*RELATED, *RESOLVED), pk)
    return page(
        request,
        "templates/detail.html",
        {
            "row": row,
            "credentials": row.credentials.select_related("credential_type"),
            "jobs": row.jobs.select_related("created_by").order_by("-id")[:10],
            "preview": _environment(row),
            **_preflight(request, row),
            "rungs": ladder(row),
            "choice": ChoiceForm(user=who(request), chosen=row.execution_environment)
            if may(who(request), "change", row)
            else None,
        },
    )


def _environment(row: JobTemplate) -> dict[str, object]:
    """Which EE the next job would get and why, or why none."""
    try:
        found_one = resolve_environment(row)
    except GantryError as error:
        return {"problem": str(error)}
    return {
        "environment": found_one.environment,
        "reason": found_one.reason,
        "forbidden": _forbidden(row, found_one),
    }


def _forbidden(row: JobTemplate, found_one: Resolution) -> str:
    """Why the organization's rules would not let a job have this image; "" when they would."""
    owner = row.project.organization if row.project else row.organization
    try:
        trust = trust_of(owner, found_one.environment)
        check_registry(trust, PullRequest(found_one.image, "missing", None))
    except GantryError as error:
        return str(error)
    return ""


def _preflight(request: HttpRequest, row: JobTemplate) -> dict[str, object]:
    """What a launch would find missing, and whether it would be refused for that."""
    found_one = preflight_of(row, who(request))
    if found_one["policy"] == "off":
        return {}
    certain = any(m["when"] == "load" for m in found_one["missing"])
    return {"preflight": found_one, "refused": certain and found_one["policy"] == "error"}


@signed_in
def edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    if pk is None:
        adding(request, JobTemplate)
    row = found(request, JobTemplate.objects.all(), pk, "change") if pk else None
    form = TemplateForm(request.POST or None, instance=row, user=who(request))
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            answer = _kept(request, form, row)
            if form.errors:
                transaction.set_rollback(True)
        if answer is not None and not form.errors:
            return done(request, f"Saved {answer.data['name']}.", "template", answer.pk)
    context = {"form": form, "row": row}
    return page(request, "templates/form.html", context, status=422 if form.errors else 200)


def _kept(request: HttpRequest, form: TemplateForm, row: JobTemplate | None) -> Answer | None:
    # What hangs on it now: the form's instance has been told otherwise.
    before: dict[str, set[int]] = {"credentials": set(), "instance_groups": set()}
    labels: dict[str, int] = {}
    if row is not None:
        before = {n: set(getattr(row, n).values_list("pk", flat=True)) for n in before}
        labels = dict(row.labels.values_list("name", "pk"))
    answer = kept(request, form, "job_templates", row.pk if row else None, form.body())
    if answer is None:
        return None
    at = f"job_templates/{answer.pk}/"
    for name, had in before.items():
        for words in relate(request, f"{at}{name}/", had, {r.pk for r in form.cleaned_data[name]}):
            form.add_error(name, words)
    wanted, owner = form.labels_wanted(), answer.data["organization"]
    changes: list[dict[str, Any]] = [
        {"id": pk, "disassociate": True} for n, pk in labels.items() if n not in wanted
    ]
    changes += [{"name": n, "organization": owner} for n in sorted(wanted - labels.keys())]
    for body in changes:
        told = ask(request, "POST", f"{at}labels/", body)
        if not told.ok:
            form.add_error("label_names", sentences(told.data))
    return answer


@signed_in
def launch(request: HttpRequest, pk: int) -> HttpResponse:
    """POST launches. A template that asks for something shows its form first."""
    row = found(request, JobTemplate.objects.select_related(*RELATED), pk, "start")
    form = LaunchForm(
        request.POST if "launch" in request.POST else None, template=row, user=who(request)
    )
    if request.method == "POST" and "dry" in request.POST:
        return _rehearse(request, row, form)
    if request.method == "POST" and not form.fields:
        return _start(request, row, form)
    if form.is_bound and form.is_valid():
        return _start(request, row, form)
    return _ask(request, row, form)


def _rehearse(request: HttpRequest, row: JobTemplate, form: LaunchForm) -> HttpResponse:
    """Tell what the launch would run, and start nothing."""
    if form.is_bound and not form.is_valid():
        return _ask(request, row, form)
    try:
        prompts = form.prompts() if form.is_bound else {}
        return _ask(request, row, form, rehearse(row, user=who(request), prompts=prompts))
    except InvalidInput as error:
        if form.is_bound:
            refuse(form, error)
            return _ask(request, row, form)
        return _ask(request, row, form, refused=str(error))


def _ask(
    request: HttpRequest, row: JobTemplate, form: LaunchForm, dry: Rehearsed | None = None,
    refused: str = "",
) -> HttpResponse:  # fmt: skip
    context: dict[str, Any] = {"row": row, "form": form, "preview": _environment(row)}
    context |= {"dry": dry, "dry_refused": refused} | _preflight(request, row)
    if dry is not None:
        context["command"] = shlex.join(dry.command)
    return page(request, "templates/launch.html", context, status=422 if form.errors else 200)


def _start(request: HttpRequest, row: JobTemplate, form: LaunchForm) -> HttpResponse:
    asked = bool(form.fields)
    try:
        launched = launch_job(
            row,
            user=who(request),
            prompts=form.prompts() if asked else {},
            passwords=form.passwords() if asked else {},
        )
    except InvalidInput as error:
        if asked:
            refuse(form, error)
            return _ask(request, row, form)
        tell(request, error)
        return redirect("template", row.pk)
    except GantryError as error:
        tell(request, error)
        return redirect("template", row.pk)
    return redirect("job", launched.job.pk)
