"""Organizations: who owns what, their default EE, and their rules for images."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.resources.access import may, may_add, visible
from gantry.resources.base import PREFLIGHT_POLICIES
from gantry.resources.organizations import Organization
from gantry.resources.roles import Role
from gantry.resources.templates import JobTemplate
from gantry.web.environment_choice import RELATED as RESOLVED
from gantry.web.environment_choice import ChoiceForm, answers, ladder
from gantry.web.pages import action, found, page, paged, signed_in, who
from gantry.web.policy_form import PolicyForm
from gantry.web.views.people import others


def _holders(role: str) -> Coalesce:
    """How many people hold a role of each organization."""
    roles = Role.objects.filter(kind="organization", role_field=role, object_id=OuterRef("pk"))
    return Coalesce(
        Subquery(roles.order_by().values("pk").annotate(n=Count("members")).values("n")), 0
    )


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), Organization.objects.select_related("default_environment"))
    rows = rows.annotate(people=_holders("member_role"), keepers=_holders("admin_role"))
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words)
    context = {
        "rows": paged(request, rows.order_by("name")),
        "can_add": may_add(who(request), Organization),
    }
    return page(request, "organizations/list.html", context)


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _shown(request, pk, None)


@action
def rules(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the organization's rules for images."""
    row = found(request, Organization.objects.all(), pk, "change")
    form = PolicyForm(request.POST, row=row)
    if not form.is_valid():
        return _shown(request, pk, form)
    form.save()
    messages.success(request, "The rules are saved; they hold from the next job on.")
    return redirect("organization", pk)


def _shown(request: HttpRequest, pk: int, policy: PolicyForm | None) -> HttpResponse:
    row = found(request, Organization.objects.select_related("default_environment"), pk)
    templates = visible(who(request), JobTemplate.objects.filter(organization=row))
    templates = templates.select_related("last_job", *RESOLVED).order_by("name")
    may_change = may(who(request), "change", row)
    return page(
        request,
        "organizations/detail.html",
        {
            "row": row,
            "admins": row.admins.all()[:100],
            "members": row.users.all()[:100],
            "teams": visible(who(request), row.teams.order_by("name"))[:100],
            "known": others(request, row.users.all()) if may_change else [],
            "may_change": may_change,
            "preflight": dict(PREFLIGHT_POLICIES)[row.preflight],
            "answers": answers(templates[:25]),
            "rungs": ladder(row),
            "choice": ChoiceForm(user=who(request), chosen=row.default_environment)
            if may_change
            else None,
            "policy": policy or (PolicyForm(row=row) if may_change else None),
        },
        status=422 if policy is not None else 200,
    )
