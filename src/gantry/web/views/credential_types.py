"""Types of credentials: the built-in ones to read, people's own to make."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from gantry.resources.access import may, may_add, visible
from gantry.resources.credentials import CredentialType
from gantry.web.credential_forms import TypeForm, text_of
from gantry.web.form_page import FormPage, crumb, done, sent
from gantry.web.pages import adding, found, page, paged, signed_in, who


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), CredentialType.objects.all())
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words)
    context = {
        "rows": paged(request, rows.order_by("managed", "name"), 100),
        "can_add": may_add(who(request), CredentialType),
    }
    return page(request, "credentials/types.html", context)


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, CredentialType.objects.all(), pk)
    credentials = visible(who(request), row.credentials.select_related("organization"))
    context: dict[str, Any] = {
        "row": row, "injectors": text_of(row.injectors),
        "required": row.inputs.get("required", ()), "credentials": credentials[:50],
        "can_change": not row.managed and may(who(request), "change", row),
    }  # fmt: skip
    return page(request, "credentials/type.html", context)


@signed_in
def edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    if pk is None:
        adding(request, CredentialType)
    row = found(request, CredentialType.objects.all(), pk, "change") if pk else None
    if row is not None and row.managed:
        raise PermissionDenied
    form = TypeForm(request.POST or None, row=row)
    method, address = ("PATCH", f"{pk}/") if pk else ("POST", "")
    answer = sent(request, form, method, f"credential_types/{address}")
    if answer is not None:
        return done(request, f"Saved {answer.data['name']}.", "credential-type", answer.pk)
    crumbs = [crumb("Credential types", "credential-types")]
    if row is not None:
        crumbs.append(crumb(row.name, "credential-type", pk))
    at = FormPage(f"Edit {row.name}" if row else "New credential type", crumbs)
    return at.show(request, form)
