"""`stdout/` of jobs in AWX's formats: txt, ansi, html, api, json and the two downloads.

Pages by line cost the same anywhere in a job; whole texts are streamed, so AWX's "too large to
display" has no reason to exist here.
"""

from __future__ import annotations

import base64
import html
from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.names import type_of
from gantry.api.views import NounView
from gantry.record import output
from gantry.resources.models import Job, ProjectUpdate

FORMATS = ("txt", "ansi", "html", "api", "json", "txt_download", "ansi_download")
# A page that nobody asked a size of: what a browser shows well. The range says where it ends.
MOST_LINES = 100_000


class AnyFormat(BaseContentNegotiation):
    """The view itself reads `format`; only errors are rendered, as JSON."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return JSONRenderer(), "application/json"

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]


class UnifiedJobStdout(NounView):
    content_negotiation_class = AnyFormat
    formats = ("text/plain", "text/html")  # for the schema

    def get_queryset(self) -> Any:
        return self.model._default_manager.all()

    def get(self, request: Request, **kwargs: Any) -> Any:
        job = self.get_object()
        wanted = _format(request)
        if wanted == "json":
            return self._json(request, job)
        if wanted in ("html", "api"):
            return self._html(request, job, whole=wanted == "html")
        form = wanted.removesuffix("_download")
        response = StreamingHttpResponse(
            _pieces(request, job.pk, form), content_type="text/plain; charset=utf-8"
        )
        if wanted.endswith("_download"):
            suffix = ".ansi" if form == "ansi" else ""
            name = f"{type_of(job)}_{job.pk}{suffix}.txt"
            response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def _json(self, request: Request, job: Any) -> Response:
        start, end = _range(request)
        page = output.page(job.pk, start, end, "ansi")
        body = page.json()
        if request.query_params.get("content_encoding") == "base64":
            body["content"] = base64.b64encode(page.content.encode()).decode()
        return Response(body)

    def _html(self, request: Request, job: Any, *, whole: bool) -> HttpResponse:
        start, end = _range(request)
        page = output.page(job.pk, start, end, "html")
        dark = request.query_params.get("dark", "1" if whole else "")[:1].lower() in ("1", "t", "y")
        body = f'<pre class="gantry-stdout{" dark" if dark else ""}">{page.content}</pre>'
        if whole and not request.query_params.get("content_only"):
            title = html.escape(f"{job.name} stdout")
            body = (
                f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
                f"</head><body>{body}</body></html>"
            )
        return HttpResponse(body, content_type="text/html; charset=utf-8")


def _format(request: Request) -> str:
    given = request.query_params.get("format")
    if given is None:
        accepted = request.headers.get("Accept", "")
        if "text/html" in accepted:
            return "html"
        return "json" if "application/json" in accepted else "txt"
    if given not in FORMATS:
        raise ParseError(f"Unknown format {given!r}; use one of {', '.join(FORMATS)}.")
    return given


def _range(request: Request) -> tuple[int, int]:
    def number(name: str, default: int | None) -> int | None:
        given = request.query_params.get(name)
        if given in (None, ""):
            return default
        try:
            return max(min(int(str(given)), 1 << 40), -(1 << 40))
        except ValueError as error:
            raise ParseError(f"{name} must be a number, not {given!r}.") from error

    start = number("start_line", 0) or 0
    end = number("end_line", None)
    if end is None:
        # From the end `start` lines back, or a full page from the start on.
        return start, (1 << 40) if -MOST_LINES <= start < 0 else start + MOST_LINES
    return start, end


def _pieces(request: Request, job: int, form: str) -> Iterator[str] | AsyncIterator[str]:
    """The whole text as the server takes it: under ASGI Django would gather a plain iterator."""
    if isinstance(request._request, ASGIRequest):
        return output.stream_text_async(job, form)
    return output.stream_text(job, form)


class JobStdout(UnifiedJobStdout):
    model = Job


class ProjectUpdateStdout(UnifiedJobStdout):
    model = ProjectUpdate
