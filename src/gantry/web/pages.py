"""How a page is made: one template engine with Gantry's own tags, and what every page needs.

All views of gantry.web end in `page`. Django's own engine renders only its error pages
(404.html and the like), which use no tags.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.backends.django import DjangoTemplates
from django.utils import translation
from django.views.decorators.http import require_POST

from gantry.base.errors import GantryError
from gantry.resources.access import may, may_add, visible
from gantry.resources.organizations import User

M = TypeVar("M", bound=Model)
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
PAGE_SIZE = 25


@lru_cache(maxsize=1)
def _engine() -> DjangoTemplates:
    return DjangoTemplates(
        {
            "NAME": "pages",
            "DIRS": [],
            "APP_DIRS": False,
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.cached.Loader",
                        [("gantry.web.marking.Loader", [Path(__file__).parent / "templates"])],
                    )
                ],
                "builtins": [
                    "gantry.web.tags",
                    "django.templatetags.static",
                    "django.templatetags.i18n",
                ],
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.messages.context_processors.messages",
                ],
            },
        }
    )


def page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    values = {"user": request.user, **(context or {})}
    with translation.override(translation.get_language_from_request(request)):
        html = _engine().get_template(template).render(values, request)
    return HttpResponse(html, status=status)


def signed_in(view: View[P]) -> View[P]:
    """For people who are logged in; the others are sent to the login page and back."""

    @wraps(view)
    def asked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        return _to_login(request)

    return asked  # type: ignore[return-value]


def _to_login(request: HttpRequest) -> HttpResponseBase:
    """And back to the page: what a form sends is no page, the form's is. Says so where a login has
    ended."""
    back = request.get_full_path()
    if request.method != "GET":
        came = urlsplit(request.headers.get("Referer", ""))
        here = came.netloc == request.get_host()
        back = urlunsplit(("", "", came.path, came.query, "")) if here else "/"
    query = {"next": back}
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        query["ended"] = "yes"
    return HttpResponseRedirect(f"{settings.LOGIN_URL}?{urlencode(query)}")


def action(view: View[P]) -> View[P]:
    """Something that changes the world: POST only, by somebody who is logged in."""
    doing = require_POST(signed_in(view))
    doing.changes = True  # type: ignore[attr-defined]  # no page: gantry.web.urls says what is one
    return doing


def who(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def found(request: HttpRequest, rows: QuerySet[M], pk: int, verb: str = "read") -> M:
    """The row, if this person may see it (else it does not exist) and may do `verb` to it."""
    row = visible(who(request), rows.filter(pk=pk)).first()
    if row is None:
        raise Http404(f"no {rows.model._meta.verbose_name} {pk}")
    if verb != "read" and not may(who(request), verb, row):
        raise PermissionDenied
    return row


def paged(request: HttpRequest, rows: QuerySet[M], size: int = PAGE_SIZE) -> Page[M]:
    """The page that ?page= asks for; out of range gives the nearest."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def tell(request: HttpRequest, error: GantryError) -> None:
    """Show an error in its own words on the next page."""
    messages.error(request, str(error))


def adding(request: HttpRequest, model: type[Model]) -> None:
    """Refuse the form to people who could save it nowhere."""
    if not may_add(who(request), model):
        raise PermissionDenied
