"""A person's tokens, and the applications that may ask people for some. Values are shown once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache

from gantry.resources.access import may, may_add, visible
from gantry.resources.organizations import Organization, User
from gantry.resources.tokens import CLIENT_TYPES, GRANT_TYPES, OAuth2AccessToken, OAuth2Application
from gantry.web.ask import AskForm, ask, sentences
from gantry.web.forms import Wide
from gantry.web.pages import action, adding, found, page, paged, signed_in, who
from gantry.web.saving import Noun, offer, save

APPLICATION = Noun("application", "applications", "applications", "application")
SCOPES = [("read", "Read: see what you see"), ("write", "Write: do what you may do")]


class TokenForm(AskForm):
    description = forms.CharField(required=False, help_text="What it is for.")
    scope = forms.ChoiceField(choices=SCOPES, initial="write")
    application: Any = forms.ModelChoiceField(
        None, required=False, empty_label="None: a personal token"
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "application", user, OAuth2Application.objects.all(), "read")


@never_cache
@signed_in
def tokens(request: HttpRequest) -> HttpResponse:
    form = TokenForm(request.POST or None, user=who(request))
    made: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        answer = form.send(request, "POST", "tokens/")
        if answer is not None:
            made = {"token": answer.data["token"], "refresh": answer.data["refresh_token"]}
            form = TokenForm(user=who(request))
    rows = OAuth2AccessToken.objects.filter(user=who(request)).select_related("application")
    context = {"rows": paged(request, rows.order_by("-pk")), "form": form, **made}
    return page(request, "people/tokens.html", context, status=422 if form.errors else 200)


@action
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, OAuth2AccessToken.objects.select_related("user"), pk, "delete")
    answer = ask(request, "DELETE", f"tokens/{pk}/")
    if answer.ok:
        messages.success(request, "The token is revoked: nobody comes in with it any more.")
    else:
        messages.error(request, sentences(answer.data))
    if row.application_id and row.user_id != who(request).pk:
        return redirect("application", row.application_id)
    return redirect("tokens")


@signed_in
def applications(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), OAuth2Application.objects.select_related("organization"))
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words)
    context = {
        "rows": paged(request, rows.order_by("name", "pk")),
        "can_add": may_add(who(request), OAuth2Application),
    }
    return page(request, "people/applications.html", context)


@signed_in
def application(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, OAuth2Application.objects.select_related("organization"), pk)
    return _shown(request, row, {})


def _shown(request: HttpRequest, row: OAuth2Application, more: dict[str, Any]) -> HttpResponse:
    held = OAuth2AccessToken.objects.filter(application=row).select_related("user")
    context = {
        "row": row, "uris": row.redirect_uris.split(),
        "tokens": visible(who(request), held).order_by("-pk")[:50],
        "may_change": may(who(request), "change", row), **more,
    }  # fmt: skip
    return page(request, "people/application.html", context)


class ApplicationForm(AskForm):
    name = forms.CharField(max_length=255)
    description = forms.CharField(required=False)
    organization: Any = forms.ModelChoiceField(None, empty_label="Choose …")
    authorization_grant_type = forms.ChoiceField(label="Grant type", choices=GRANT_TYPES)
    client_type = forms.ChoiceField(
        label="Client type", choices=CLIENT_TYPES,
        help_text="Confidential: it can keep a secret. Public: it runs where others can look.",
    )  # fmt: skip
    redirect_uris = forms.CharField(
        label="Redirect addresses", required=False, widget=Wide(3),
        help_text="One a line; where people are sent back to with their code.",
    )  # fmt: skip
    skip_authorization = forms.BooleanField(
        label="Do not ask people whether they allow it", required=False
    )

    def __init__(
        self, *args: Any, user: User, row: OAuth2Application | None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "organization", user, Organization.objects.all(), "change")
        self.fields["authorization_grant_type"].disabled = row is not None


@never_cache
@signed_in
def application_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    row: OAuth2Application | None = None
    initial: dict[str, Any] = {}
    if pk is None:
        adding(request, OAuth2Application)
    else:
        row = found(request, OAuth2Application.objects.all(), pk, "change")
        initial = {name: getattr(row, name) for name in ApplicationForm.base_fields}
    form = ApplicationForm(request.POST or None, initial=initial, user=who(request), row=row)
    if row is None and request.method == "POST" and form.is_valid():
        answer = form.send(request, "POST", "applications/")
        if answer is not None:
            made = OAuth2Application.objects.select_related("organization").get(pk=answer.pk)
            secret = answer.data.get("client_secret", "")
            return _shown(request, made, {"secret": secret, "made": True})
    return save(request, APPLICATION, form, row)
