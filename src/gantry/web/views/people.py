"""Organizations' forms, teams and users: lists, pages, membership. The API makes the changes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.base.config import settings
from gantry.resources.access import may, may_add, visible, within
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.organizations import Organization, Team, User
from gantry.resources.roles import Role
from gantry.resources.tokens import OAuth2AccessToken
from gantry.web.ask import AskForm, ask, sentences
from gantry.web.forms import Wide
from gantry.web.pages import action, adding, found, page, paged, signed_in, who
from gantry.web.saving import Noun, offer, save

ORGANIZATION = Noun("organization", "organizations", "organizations", "organization")
TEAM = Noun("team", "teams", "teams", "team")
USER = Noun("user", "users", "users", "user")
OFFERED = 500


class OrganizationForm(AskForm):
    name = forms.CharField(max_length=512)
    description = forms.CharField(required=False)
    max_hosts = forms.IntegerField(
        label="Hosts at most", min_value=0, initial=0, help_text="0: no limit."
    )
    ca_bundle = forms.CharField(
        label="CA bundle", required=False, widget=Wide(6),
        help_text="Certificates (PEM) that all of its pods trust.",
    )  # fmt: skip

    def body(self) -> dict[str, Any]:
        sent = super().body()
        return {**sent, "gantry": {"ca_bundle": sent.pop("ca_bundle")}}


@signed_in
def organization_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    row, initial = None, {}
    if pk is None:
        adding(request, Organization)
    else:
        row = found(request, Organization.objects.all(), pk, "change")
        initial = {name: getattr(row, name) for name in OrganizationForm.base_fields}
    return save(request, ORGANIZATION, OrganizationForm(request.POST or None, initial=initial), row)


@signed_in
def teams(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), Team.objects.select_related("organization"))
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words)
    context = {
        "rows": paged(request, rows.order_by("name", "pk")), "can_add": may_add(who(request), Team)
    }  # fmt: skip
    return page(request, "people/teams.html", context)


@signed_in
def team(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Team.objects.select_related("organization"), pk)
    members = row.users.all().order_by("username")
    may_change = may(who(request), "change", row)
    context = {
        "row": row, "rows": paged(request, members), "may_change": may_change,
        "roles": _roles(request, f"teams/{pk}/roles/"),
        "known": others(request, members) if may_change else [],
    }  # fmt: skip
    return page(request, "people/team.html", context)


class TeamForm(AskForm):
    name = forms.CharField(max_length=512)
    description = forms.CharField(required=False)
    organization: Any = forms.ModelChoiceField(None, empty_label="Choose …")

    def __init__(self, *args: Any, user: User, fixed: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "organization", user, Organization.objects.all(), "change")
        self.fields["organization"].disabled = fixed


@signed_in
def team_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    row: Team | None = None
    initial: dict[str, Any] = {}
    if pk is None:
        adding(request, Team)
        wanted = request.GET.get("organization", "")
        initial = {"organization": int(wanted)} if wanted.isdecimal() and len(wanted) < 18 else {}
        initial = initial if _theirs(request, initial) else {}
    else:
        row = found(request, Team.objects.all(), pk, "change")
        initial = {name: getattr(row, name) for name in TeamForm.base_fields}
    form = TeamForm(request.POST or None, initial=initial, user=who(request), fixed=row is not None)
    return save(request, TEAM, form, row)


def _theirs(request: HttpRequest, initial: dict[str, Any]) -> bool:
    rows = Organization.objects.filter(pk=initial.get("organization") or 0)
    return within(who(request), "change", rows).exists()


@action
def member(request: HttpRequest, noun: str, pk: int) -> HttpResponse:
    """Take a person into a team or an organization, or out of it."""
    model: Any = {"teams": Team, "organizations": Organization}[noun]
    row = found(request, model.objects.all(), pk)
    relation = "admins" if noun == "organizations" and request.POST.get("admins") else "users"
    name = request.POST.get("user", "").strip().replace("\0", "")
    person = visible(who(request), User.objects.filter(username=name)).first()
    here = "team" if noun == "teams" else "organization"
    if person is None:
        messages.error(request, f"You see nobody called {name}.")
        return redirect(here, pk)
    out = bool(request.POST.get("out"))
    body = {"id": person.pk, **({"disassociate": True} if out else {})}
    answer = ask(request, "POST", f"{noun}/{pk}/{relation}/", body)
    if not answer.ok:
        messages.error(request, sentences(answer.data))
    elif out:
        messages.success(request, f"{name} is no longer in {row.name}.")
    else:
        messages.success(request, f"{name} is in {row.name}.")
    return redirect(here, pk)


@signed_in
def users(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), User.objects.all())
    if words := request.GET.get("q", "").strip().replace("\0", ""):
        rows = rows.filter(username__icontains=words) | rows.filter(email__icontains=words)
    kind = request.GET.get("kind", "")
    if kind in ("is_superuser", "is_system_auditor"):
        rows = rows.filter(**{kind: True})
    context = {
        "rows": paged(request, rows.order_by("username")), "can_add": may_add(who(request), User)
    }  # fmt: skip
    return page(request, "people/users.html", context)


@signed_in
def user(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, User.objects.all(), pk)
    organizations = visible(who(request), Organization.objects.all())
    ours = set(row.organizations.values_list("pk", flat=True))
    above = set(row.admin_of_organizations.values_list("pk", flat=True))
    context = {
        "row": row,
        "organizations": [
            (one, one.pk in above) for one in organizations.filter(pk__in=ours | above)
        ],
        "teams": visible(who(request), Team.objects.filter(pk__in=_teams_of(row))),
        "roles": _roles(request, f"users/{pk}/roles/"),
        "me": row.pk == who(request).pk,
        "how": "the directory"
        if row.directory_dn
        else "the login provider"
        if row.oidc_subject
        else "",
        "tokens": OAuth2AccessToken.objects.filter(user=row).count(),
    }
    return page(request, "people/user.html", context)


def _teams_of(row: User) -> Any:
    held = Role.objects.filter(kind="team", role_field="member_role", members=row)
    return held.values("object_id")


def _roles(request: HttpRequest, address: str) -> list[dict[str, Any]]:
    """As the API tells them: name, description, and in summary_fields what they are roles on."""
    answer = ask(request, "GET", f"{address}?page_size=200")
    return list(answer.data["results"]) if answer.ok else []


def others(request: HttpRequest, members: Any) -> Any:
    rows = visible(who(request), User.objects.filter(is_active=True))
    return rows.exclude(pk__in=members.values("pk")).order_by("username")[:OFFERED]


class UserForm(AskForm):
    username = forms.CharField(
        label="User name", max_length=150,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off"}),
    )  # fmt: skip
    first_name = forms.CharField(label="First name", max_length=150, required=False)
    last_name = forms.CharField(label="Last name", max_length=150, required=False)
    email = forms.EmailField(label="Email", required=False)
    password = forms.CharField(
        required=False, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    organization: Any = forms.ModelChoiceField(
        None, empty_label="None", required=False, help_text="They become a member of it."
    )
    is_superuser = forms.BooleanField(
        label="System administrator", required=False, help_text="May do everything."
    )
    is_system_auditor = forms.BooleanField(
        label="System auditor", required=False, help_text="May see everything."
    )

    def __init__(self, *args: Any, user: User, row: User | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.new = row is None
        words = f"At least {settings().local_password_min_length} characters."
        self.fields["password"].help_text = (
            "Left empty it stays." if row else words if settings().local_password_min_length else ""
        )
        self.fields["password"].required = row is None
        if row is None:
            offer(self, "organization", user, Organization.objects.all(), "change")
            self.fields["organization"].required = not user.is_superuser
        else:
            del self.fields["organization"]
        if not user.is_superuser:
            del self.fields["is_superuser"], self.fields["is_system_auditor"]

    def body(self) -> dict[str, Any]:
        sent = super().body()
        sent.pop("organization", None)
        if not sent["password"]:
            sent["password"] = ENCRYPTED
        return sent


@signed_in
def user_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    row: User | None = None
    initial: dict[str, Any] = {}
    if pk is None:
        adding(request, User)
    else:
        row = found(request, User.objects.all(), pk, "change")
        initial = {n: getattr(row, n, None) for n in UserForm.base_fields if n != "organization"}
        initial["password"] = ""
    form = UserForm(request.POST or None, initial=initial, user=who(request), row=row)
    noun = USER
    if request.method == "POST" and form.is_valid() and form.cleaned_data.get("organization"):
        owner = form.cleaned_data["organization"].pk
        noun = Noun(USER.word, f"organizations/{owner}/users", USER.list, USER.page)
    return save(request, noun, form, row, title=row.username if row else "")
