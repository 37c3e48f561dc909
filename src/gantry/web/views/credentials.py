"""Credentials: names, types and plain fields; a secret goes in and never comes out."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from gantry.resources.access import may_add, visible
from gantry.resources.credentials import ENCRYPTED, Credential, CredentialType
from gantry.web.form_page import done, kept
from gantry.web.forms import CredentialForm
from gantry.web.pages import adding, found, page, paged, signed_in, who

# kind of a credential type -> what it is for
USES = {
    "ssh": "Logs in to hosts: key or password, and privilege escalation",
    "vault": "Opens what ansible-vault encrypted",
    "scm": "Fetches projects from Git",
    "registry": "Pulls and pushes images of execution environments",
    "cloud": "Gives a cloud's modules their access key",
    "net": "Logs in to network devices",
    "kubernetes": "Gives a cluster's modules their token",
    "token": "Reports status back to where a project's code is kept",
    "insights": "Asks Red Hat Insights",
    "galaxy": "Fetches collections",
    "external": "Looks up fields of other credentials when a job needs them",
    "cryptography": "Verifies a project's signed content",
}


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(
        who(request), Credential.objects.select_related("credential_type", "organization", "owner")
    )
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words)
    context = {"rows": paged(request, rows), "can_add": may_add(who(request), Credential)}
    return page(request, "credentials/list.html", context)


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(
        request, Credential.objects.select_related("credential_type", "organization", "owner"), pk
    )
    shown = row.shown_inputs()
    inputs = [
        (one.get("label", one["id"]), shown[one["id"]], shown[one["id"]] == ENCRYPTED)
        for one in row.credential_type.fields
        if shown.get(one["id"]) not in (None, "")
    ]
    sources = {s.input_field_name: s for s in row.input_sources.select_related("source_credential")}
    fields = [
        {"id": one["id"], "label": one.get("label", one["id"]), "source": sources.get(one["id"])}
        for one in row.credential_type.fields
        if one.get("type", "string") == "string"
    ]
    external = row.credential_type.kind == "external"
    context = {"row": row, "inputs": inputs, "fields": fields, "external": external}
    return page(request, "credentials/detail.html", context)


@signed_in
def choose(request: HttpRequest) -> HttpResponse:
    adding(request, Credential)
    kinds = visible(who(request), CredentialType.objects.all())
    choices = [(kind, USES.get(kind.kind, "")) for kind in kinds]
    return page(request, "credentials/choose.html", {"kinds": choices})


@signed_in
def add(request: HttpRequest, kind: int) -> HttpResponse:
    adding(request, Credential)
    return _form(request, get_object_or_404(CredentialType, pk=kind), None)


@signed_in
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Credential.objects.select_related("credential_type"), pk, "change")
    return _form(request, row.credential_type, row)


def _form(request: HttpRequest, kind: CredentialType, row: Credential | None) -> HttpResponse:
    form = CredentialForm(request.POST or None, instance=row, user=who(request), kind=kind)
    if request.method == "POST" and form.is_valid():
        body, names = form.body(), {f"inputs.{one['id']}": f"input-{one['id']}"
                                    for one in kind.fields}  # fmt: skip
        answer = kept(request, form, "credentials", row.pk if row else None, body, names)
        if answer is not None:
            return done(request, f"Saved {answer.data['name']}.", "credential", answer.pk)
    context: dict[str, Any] = {
        "form": form, "row": row, "noun": f"{kind.name} credential", "back": "credentials",
        "here": "credential",
    }  # fmt: skip
    return page(request, "form.html", context, status=422 if form.errors else 200)
