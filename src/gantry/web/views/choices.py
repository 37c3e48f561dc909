"""Choosing the default EE of a level: a template's own, a project's, an organization's, the
installation's. Which one wins is gantry.path.resolve's to say."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.resources.jobs import Installation
from gantry.resources.organizations import Organization
from gantry.resources.projects import Project
from gantry.resources.templates import JobTemplate
from gantry.web.environment_choice import ChoiceForm
from gantry.web.pages import action, found, who


@action
def of_template(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, JobTemplate.objects.all(), pk, "change")
    return _choose(request, row, "execution_environment", redirect("template", pk))


@action
def of_project(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Project.objects.all(), pk, "change")
    return _choose(request, row, "default_environment", redirect("project", pk))


@action
def of_organization(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Organization.objects.all(), pk, "change")
    return _choose(request, row, "default_environment", redirect("organization", pk))


@action
def of_installation(request: HttpRequest) -> HttpResponse:
    """AWX's setting DEFAULT_EXECUTION_ENVIRONMENT: a superuser's."""
    if not who(request).is_superuser:
        raise PermissionDenied
    row = Installation.objects.get()
    return _choose(request, row, "default_environment", redirect("environments"))


def _choose(request: HttpRequest, row: Model, field: str, back: HttpResponse) -> HttpResponse:
    before = getattr(row, field)
    form = ChoiceForm(request.POST, user=who(request), chosen=before)
    if not form.is_valid():
        messages.error(request, "This execution environment is not to be had; choose another.")
        return back
    chosen: Any = form.cleaned_data["environment"]
    setattr(row, field, chosen)
    fields = [field]
    if hasattr(row, "modified_by"):
        row.modified_by = who(request)
        fields += ["modified_by", "modified"]
    row.save(update_fields=fields)
    messages.success(request, f"Chosen: {chosen}." if chosen else "Left to the next level.")
    return back
