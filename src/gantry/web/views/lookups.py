"""Fields of credentials that are looked up elsewhere, and the test of what looks them up."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.resources.access import within
from gantry.resources.credentials import Credential
from gantry.web.ask import ask, sentences
from gantry.web.credential_forms import LookupForm, MetadataForm
from gantry.web.form_page import FormPage, crumb, done, sent, tried
from gantry.web.pages import action, found, page, signed_in, who

RELATED = ("credential_type",)


@signed_in
def edit(request: HttpRequest, pk: int, field: str) -> HttpResponse:
    """First which external credential, then what it must be told."""
    row = found(request, Credential.objects.select_related(*RELATED), pk, "change")
    fields = {one["id"]: one.get("label", one["id"]) for one in row.credential_type.fields}
    if field not in fields or row.credential_type.kind == "external":
        raise Http404
    sources = Credential.objects.filter(credential_type__kind="external")
    sources = within(who(request), "use", sources.select_related(*RELATED)).order_by("name")
    now = row.input_sources.filter(input_field_name=field).first()
    wanted = request.GET.get("source", str(now.source_credential_id) if now else "")
    source = sources.filter(pk=int(wanted)).first() if wanted.isdecimal() else None
    if source is None:
        context = {"row": row, "field": field, "label": fields[field], "sources": sources}
        return page(request, "credentials/sources.html", context)
    form = LookupForm(request.POST or None, target=row, field=field, source=source, row=now)
    method, address = ("PATCH", f"{now.pk}/") if now else ("POST", "")
    if sent(request, form, method, f"credential_input_sources/{address}") is not None:
        words = f"{fields[field]} is looked up by {source.name} whenever a job needs it."
        return done(request, words, "credential", pk)
    crumbs = [crumb("Credentials", "credentials"), crumb(row.name, "credential", pk)]
    lead = f"By {source.name} ({source.credential_type.name})."
    return FormPage(f"Look up {fields[field]}", crumbs, lead).show(request, form)


@action
def remove(request: HttpRequest, pk: int, field: str) -> HttpResponse:
    row = found(request, Credential.objects.all(), pk, "change")
    source = row.input_sources.filter(input_field_name=field).first()
    if source is None:
        raise Http404
    words = "It is looked up no more: the credential's own value counts."
    tried(request, "DELETE", f"credential_input_sources/{source.pk}/", words=words)
    return redirect("credential", pk)


@signed_in
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether the service answers; never what it answers."""
    row = found(request, Credential.objects.select_related(*RELATED), pk, "use")
    if row.credential_type.kind != "external":
        raise Http404
    form = MetadataForm(request.POST or None, kind=row.credential_type, first={})
    if request.method == "POST" and form.is_valid():
        answer = ask(request, "POST", f"credentials/{pk}/test/", form.body())
        if answer.ok:
            messages.success(request, f"{row.name} found a value there.")
            return redirect("credential", pk)
        form.add_error(None, f"It found nothing: {sentences(answer.data)}")
    crumbs = [crumb("Credentials", "credentials"), crumb(row.name, "credential", pk)]
    lead = "Asks the service once. What it finds is shown to nobody."
    return FormPage(f"Test {row.name}", crumbs, lead, save="Test").show(request, form)
