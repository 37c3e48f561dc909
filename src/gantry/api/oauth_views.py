"""/api/o/: where applications get tokens. The protocol is oauthlib's, its questions oauth.py's."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from oauthlib.oauth2 import AccessDeniedError, FatalClientError, OAuth2Error
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.auth import too_many
from gantry.api.oauth import Endpoints, RefreshTokenExpired
from gantry.api.views import OpenView
from gantry.resources.logins import TooManyLogins

ROOT = "/api/o/"
SCOPE_WORDS = {
    "read": "See what you may see",
    "write": "Change and launch what you may change and launch",
}


class OAuthRoot(OpenView):
    name = "API OAuth 2 Authorization Root"

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response({name: f"{ROOT}{name}/" for name in ("authorize", "token", "revoke_token")})


def _form(request: HttpRequest) -> dict[str, Any]:
    """A posted form as oauthlib takes it, in an encoding that it reads."""
    return {
        "uri": _uri(request),
        "http_method": "POST",
        "body": request.POST.urlencode(),
        "headers": dict(request.headers),
    }


def _uri(request: HttpRequest) -> str:
    base = f"{request.scheme}://{request.get_host()}{request.path}"
    return f"{base}?{request.GET.urlencode()}" if request.GET else base


def _answer(headers: dict[str, str], body: str | None, status: int) -> HttpResponse:
    return HttpResponse(body or "", status=status, headers=headers)


@csrf_exempt
@require_POST
@sensitive_post_parameters("password", "client_secret", "refresh_token", "code")
def token(request: HttpRequest) -> HttpResponse:
    """A grant is spent and the token made in one transaction, so that each buys one."""
    try:
        with transaction.atomic():
            return _answer(*Endpoints(request).create_token_response(**_form(request)))
    except TooManyLogins as error:
        return too_many(error)
    except RefreshTokenExpired:
        return HttpResponse("The refresh token has expired.", status=403)


@csrf_exempt
@require_POST
@sensitive_post_parameters("client_secret", "token")
def revoke_token(request: HttpRequest) -> HttpResponse:
    return _answer(*Endpoints(request).create_revocation_response(**_form(request)))


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Asks the person who is logged in whether an application may have a token of theirs."""
    endpoints, uri = Endpoints(request), _uri(request)
    try:
        scopes, found = endpoints.validate_authorization_request(uri)
    except FatalClientError as error:
        # Nobody is sent to an address that no application has.
        why = error.description or error.error
        return render(request, "authorize.html", {"error": why}, status=400)
    except OAuth2Error as error:
        return _answer({"Location": error.in_uri(error.redirect_uri)}, None, 302)
    application = found["request"].client
    if request.method == "GET" and not application.skip_authorization:
        return _question(request, application, scopes, found["redirect_uri"])
    if request.method == "POST" and "allow" not in request.POST:
        denied = AccessDeniedError(request=found["request"])
        return _answer({"Location": denied.in_uri(found["redirect_uri"])}, None, 302)
    given = {"user": request.user}
    return _answer(*endpoints.create_authorization_response(uri, scopes=scopes, credentials=given))


def _question(
    request: HttpRequest, application: Any, scopes: list[str], redirect_uri: str
) -> HttpResponse:
    words = [SCOPE_WORDS[scope] for scope in scopes]
    page = render(request, "authorize.html", {"application": application, "words": words})
    # The form's answer leads to the application, which the policy of all pages would not allow.
    there = urlsplit(redirect_uri)
    page["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"font-src 'self'; form-action 'self' {there.scheme}://{there.netloc}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return page
