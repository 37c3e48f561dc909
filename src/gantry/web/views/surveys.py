"""The survey of a template or a workflow: its questions, saved together through the API."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.resources.access import may
from gantry.resources.templates import JobTemplate
from gantry.resources.workflows import WorkflowJobTemplate
from gantry.web.ask import ask, sentences
from gantry.web.form_page import done, tried
from gantry.web.pages import found, page, signed_in, who
from gantry.web.survey_form import KINDS, QuestionForm, arranged, forms_of, of_survey, typed

OF: dict[str, Any] = {"job_templates": JobTemplate, "workflow_job_templates": WorkflowJobTemplate}
BASES = {"job_templates": "template", "workflow_job_templates": "workflow"}


@signed_in
def of(request: HttpRequest, pk: int, noun: str) -> HttpResponse:
    row = found(request, OF[noun].objects.all(), pk)
    if request.method == "POST":
        row = found(request, OF[noun].objects.all(), pk, "change")
        return _changed(request, row, noun)
    return _shown(request, row, noun, of_survey(row.survey_spec.get("spec", [])))


def _shown(
    request: HttpRequest, row: Any, noun: str, forms: list[QuestionForm], problem: str = ""
) -> HttpResponse:
    wrong = bool(problem) or any(form.is_bound and form.errors for form in forms)
    context = {
        "row": row, "forms": forms, "problem": problem, "base": BASES[noun], "kinds": KINDS,
        "can_change": may(who(request), "change", row),
    }  # fmt: skip
    return page(request, "templates/survey.html", context, status=422 if wrong else 200)


def _changed(request: HttpRequest, row: Any, noun: str) -> HttpResponse:
    what, address = request.POST.get("do", ""), f"{noun}/{row.pk}/"
    name = f"{BASES[noun]}-survey"
    if what == "switch":
        words = "A launch asks it now." if not row.survey_enabled else "A launch does not ask it."
        tried(request, "PATCH", address, {"survey_enabled": not row.survey_enabled}, words)
        return redirect(name, row.pk)
    given = typed(request.POST)
    if what:
        return _shown(request, row, noun, forms_of(arranged(given, what)))
    if not given:
        tried(request, "DELETE", f"{address}survey_spec/", words="The survey is gone.")
        return redirect(name, row.pk)
    forms = [QuestionForm(request.POST, prefix=f"q{n}") for n in range(len(given))]
    if not all([form.is_valid() for form in forms]):  # noqa: C419 (each shows its own errors)
        return _shown(request, row, noun, forms)
    kept = row.survey_spec
    body = {"name": kept.get("name", ""), "description": kept.get("description", ""),
            "spec": [form.question() for form in forms]}  # fmt: skip
    answer = ask(request, "POST", f"{address}survey_spec/", body)
    if not answer.ok:
        return _shown(request, row, noun, forms, sentences(answer.data))
    if not kept and not row.survey_enabled:
        tried(request, "PATCH", address, {"survey_enabled": True})
    return done(request, "The survey is saved.", name, row.pk)
