"""In and out: Django's sessions, the same that the API accepts."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from gantry.base.config import settings as settings_now
from gantry.resources.logins import DirectoryUnreachable, TooManyLogins, clear_ended_sessions
from gantry.web import oidc
from gantry.web.pages import page


@sensitive_post_parameters("password")
@never_cache
def log_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return HttpResponseRedirect(next_of(request))
    form = AuthenticationForm(request, data=request.POST or None)
    shown = {
        "form": form,
        "next": next_of(request),
        "provider": settings_now().social_auth_oidc_label if oidc.configured() else "",
        "ended": request.GET.get("ended") == "yes",
    }
    try:
        if request.method == "POST" and form.is_valid():
            login(request, form.get_user())
            clear_ended_sessions()
            return HttpResponseRedirect(next_of(request))
    except TooManyLogins as error:
        answer = page(request, "login.html", {**shown, "refused": str(error)}, status=429)
        answer["Retry-After"] = str(error.wait)
        return answer
    except DirectoryUnreachable as error:
        return page(request, "login.html", {**shown, "refused": str(error)}, status=503)
    status = 200 if request.method == "GET" else 422
    return page(request, "login.html", shown, status=status)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("login")


def stale(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token: most often a page from before somebody logged in anew in another
    tab. Named in gantry.base.django; the API has its own answer."""
    came = urlsplit(request.headers.get("Referer", ""))
    back = urlunsplit(("", "", came.path, came.query, ""))
    here = came.netloc == request.get_host() and bool(back)
    shown = {"back": back if here else "/"}
    return page(request, "stale.html", shown, status=403)


def next_of(request: HttpRequest) -> str:
    """Where the person wanted to go; never to another site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else str(settings.LOGIN_REDIRECT_URL)
