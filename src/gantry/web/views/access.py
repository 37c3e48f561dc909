"""Who may do what to an object, and why; roles given and taken. What each change means is the
API's to say (gantry.resources.granting behind it)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.resources.access import may, visible
from gantry.resources.organizations import Team, User
from gantry.web.access_page import KINDS, Kind, people, roles, teams, url
from gantry.web.ask import ask, sentences
from gantry.web.pages import action, found, page, signed_in, who

OFFERED = 500  # people and teams that the form suggests


def _object(request: HttpRequest, kind: str, pk: int) -> tuple[Kind, Any]:
    if kind not in KINDS:
        raise Http404
    return KINDS[kind], found(request, KINDS[kind].model._default_manager.all(), pk)


@signed_in
def detail(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    of, row = _object(request, kind, pk)
    words = request.GET.get("q", "").strip().replace("\0", "")
    number = request.GET.get("page", "1")
    given = roles(request, of, pk)
    may_give = may(who(request), "change", row)
    context: dict[str, Any] = {
        "kind": kind, "row": row, "list": of.list, "here": url(of.page, pk),
        "listed": people(request, of, pk, words, max(1, int(number) if number.isdecimal() else 1)),
        "roles": given, "teams": teams(given), "may_give": may_give,
        "known": visible(who(request), User.objects.filter(is_active=True))[:OFFERED]
        if may_give else [],
        "known_teams": visible(who(request), Team.objects.select_related("organization"))[:OFFERED]
        if may_give else [],
    }  # fmt: skip
    return page(request, "access/detail.html", context)


@action
def give(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    _object(request, kind, pk)
    role = _number(request, "role")
    team = request.POST.get("team", "")
    if team.isdecimal():
        answer = ask(request, "POST", f"roles/{role}/teams/", {"id": int(team)})
    else:
        name = request.POST.get("user", "").strip().replace("\0", "")
        user = visible(who(request), User.objects.filter(username=name)).first()
        if user is None:
            messages.error(request, f"You see nobody called {name}. Choose a user name or a team.")
            return redirect("access", kind, pk)
        answer = ask(request, "POST", f"roles/{role}/users/", {"id": user.pk})
    if answer.ok:
        messages.success(request, "Given.")
    else:
        messages.error(request, sentences(answer.data))
    return redirect("access", kind, pk)


@action
def take(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    _object(request, kind, pk)
    holder = "teams" if request.POST.get("from") == "team" else "users"
    body = {"id": _number(request, "holder"), "disassociate": True}
    answer = ask(request, "POST", f"roles/{_number(request, 'role')}/{holder}/", body)
    if answer.ok:
        messages.success(request, "Taken away.")
    else:
        messages.error(request, sentences(answer.data))
    return redirect("access", kind, pk)


def _number(request: HttpRequest, name: str) -> int:
    value = request.POST.get(name, "")
    if not value.isdecimal() or len(value) > 17:
        raise Http404
    return int(value)
