"""Organizations: who owns what, to read."""

from __future__ import annotations

from django.db.models import Count
from django.http import HttpRequest, HttpResponse

from gantry.resources.access import visible
from gantry.resources.organizations import Organization
from gantry.resources.templates import JobTemplate
from gantry.web.pages import found, page, paged, signed_in, who


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), Organization.objects.select_related("default_environment"))
    rows = rows.annotate(
        people=Count("users", distinct=True), keepers=Count("admins", distinct=True)
    ).order_by("name")
    return page(request, "organizations/list.html", {"rows": paged(request, rows)})


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Organization.objects.select_related("default_environment"), pk)
    templates = visible(who(request), JobTemplate.objects.filter(organization=row))
    return page(
        request,
        "organizations/detail.html",
        {
            "row": row,
            "admins": row.admins.all()[:100],
            "members": row.users.all()[:100],
            "templates": templates.select_related("last_job")[:50],
        },
    )
