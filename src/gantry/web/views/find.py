"""The search over everything: a page of its own, and the part of it that Ctrl-K shows."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from gantry.web.finding import find
from gantry.web.pages import page, signed_in


@signed_in
def everything(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("q", "")
    part = "part" in request.GET
    return page(
        request,
        "find/options.html" if part else "find/page.html",
        {"found": find(request, words), "words": words.strip()},
    )
