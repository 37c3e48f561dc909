"""Logging in by an OpenID Connect provider, at the addresses that AWX has registered there."""

from __future__ import annotations

import hmac
import logging

from django.contrib import messages
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from gantry.base.config import settings
from gantry.base.errors import GantryError
from gantry.resources.logins import clear_ended_sessions
from gantry.resources.provider_login import person_of
from gantry.web import oidc
from gantry.web.views.login import next_of

BACKEND = "gantry.resources.login_backend.Passwords"
KEPT = "oidc"  # in the session, until the person is back
log = logging.getLogger(__name__)


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    if not oidc.configured():
        raise Http404
    try:
        address, kept = oidc.begin(_here())
    except GantryError as error:
        return _refused(request, error)
    request.session[KEPT] = {**kept, "next": next_of(request)}
    return HttpResponseRedirect(address)


@never_cache
@require_GET
def complete(request: HttpRequest) -> HttpResponse:
    if not oidc.configured():
        raise Http404
    kept = request.session.pop(KEPT, None)
    state = request.GET.get("state", "")
    if kept and "error" in request.GET and not state:  # some forget it where they refuse
        messages.error(request, "The login provider refused. Try again.")
        return redirect("login")
    if not kept or not hmac.compare_digest(kept["state"].encode(), state.encode()):
        messages.error(request, "This login was not begun here, or took too long. Try again.")
        return redirect("login")
    if "code" not in request.GET:
        said = request.GET.get("error_description") or request.GET.get("error") or "nothing"
        messages.error(request, f"The login provider refused: {said[:300]}.")
        return redirect("login")
    try:
        issuer, claims = oidc.complete(request.GET["code"], _here(), kept)
        user = person_of(issuer, claims)
    except GantryError as error:
        return _refused(request, error)
    login(request, user, backend=BACKEND)
    clear_ended_sessions()
    return HttpResponseRedirect(kept["next"])


def _here() -> str:
    """As people reach this Gantry, whatever a proxy in between calls it."""
    return f"{settings().public_url.rstrip('/')}{reverse('oidc-complete')}"


def _refused(request: HttpRequest, error: GantryError) -> HttpResponse:
    log.warning("A login by OpenID Connect was refused: %s", error)
    messages.error(request, str(error))
    return redirect("login")
