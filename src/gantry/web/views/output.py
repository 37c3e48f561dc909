"""A job's output and what is read out of it: lines, headings, what was searched, results, events.

Everything is asked in pieces, by lines or by counters; static/js/ puts them together.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import orjson
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from gantry.record import headings as record_headings
from gantry.record import search
from gantry.record.lines import event_at
from gantry.record.output import stream_text_async
from gantry.record.results import STATES
from gantry.record.results import results as record_results
from gantry.resources.jobs import UnifiedJob
from gantry.web import output
from gantry.web.event_page import shown
from gantry.web.pages import found, signed_in

_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})")
FORMS = {
    "txt": ("txt", "text/plain", "txt"),
    "ansi": ("ansi", "text/plain", "ansi.txt"),
    "html": ("html", "text/html", "html"),
    "json": ("ansi", "application/json", "json"),
}


def _json(value: Any) -> HttpResponse:
    return HttpResponse(orjson.dumps(value), content_type="application/json")


def _number(given: str | None) -> int:
    return int(given) if given and given.isdecimal() and len(given) < 10 else 0


def _job(request: HttpRequest, pk: int) -> UnifiedJob:
    return found(request, UnifiedJob.objects.all(), pk)


@signed_in
def lines(request: HttpRequest, pk: int) -> HttpResponse:
    """?from=A&to=B, or several ranges ?r=A-B,C-D: lines counted from 0, the last not included."""
    job = _job(request, pk)
    if "r" in request.GET:
        ranges = [(int(a), int(b)) for a, b in _RANGE.findall(request.GET["r"])]
    else:
        ranges = [(_number(request.GET.get("from")), _number(request.GET.get("to")))]
    return _json({"events": output.blocks(job, ranges)})


@signed_in
def headings(request: HttpRequest, pk: int) -> HttpResponse:
    """Plays and tasks after the event ?after=: [counter, kind, first line, line of words, name]."""
    read = record_headings.headings(_job(request, pk), _number(request.GET.get("after")))
    rows = [
        [h.counter, h.kind, h.first, h.line, h.name, int(h.created.timestamp() * 1000)]
        for h in read
    ]
    return _json({"headings": rows, "done": len(rows) < record_headings.MOST})


@signed_in
def find(request: HttpRequest, pk: int) -> HttpResponse:
    """The lines with ?q=, of ?host=, ?task= and ?status= (several), after the event ?after=."""
    job = _job(request, pk)
    wanted = search.Wanted(
        words=request.GET.get("q", "")[:500],
        host=request.GET.get("host", "")[:200],
        task=request.GET.get("task", "")[:500],
        statuses=tuple(s for s in search.STATUSES if s in request.GET.getlist("status")),
    )
    piece = search.find(job, wanted, _number(request.GET.get("after")))
    return _json({"lines": piece.lines, "last": piece.last, "head": piece.head, "done": piece.done})


@signed_in
def results(request: HttpRequest, pk: int) -> HttpResponse:
    """What tasks did on hosts, among the events after ?after=."""
    piece = record_results(_job(request, pk), _number(request.GET.get("after")))
    return _json({"states": STATES, **piece.as_dict()})


@signed_in
def event(request: HttpRequest, pk: int) -> HttpResponse:
    """The event that wrote line ?line= (from 0): its data, and what it changed in files."""
    row = event_at(_job(request, pk), _number(request.GET.get("line")))
    if row is None:
        raise Http404("no event wrote this line")
    return _json(shown(row))


@signed_in
def text(request: HttpRequest, pk: int, form: str) -> HttpResponseBase:
    """The whole output as a file, sent as it is read: its size does not matter."""
    if form not in FORMS:
        raise Http404(f"no format {form}")
    job = _job(request, pk)
    _, kind, suffix = FORMS[form]
    return StreamingHttpResponse(
        _pieces(job, form),
        content_type=f"{kind}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="job-{pk}.{suffix}"'},
    )


_HTML = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Job {pk}</title><style>'
    "pre{{font:13px/1.5 monospace;white-space:pre-wrap;overflow-wrap:anywhere}}"
    "{colours}</style></head><body><pre>"
)
_NAMED = {
    "red": "#b3240a", "green": "#2d6a10", "yellow": "#815200", "blue": "#0a55b5",
    "magenta": "#8b2a9b", "cyan": "#086a70", "white": "#565c66", "black": "#24272e",
}  # fmt: skip


async def _pieces(job: UnifiedJob, form: str) -> AsyncIterator[str]:
    pieces = stream_text_async(job.pk, FORMS[form][0])
    if form == "html":
        colours = "".join(
            f".ansi-{n},.ansi-bright-{n}{{color:{c}}}.ansi-bg-{n}{{background:{c};color:#fff}}"
            for n, c in _NAMED.items()
        )
        yield _HTML.format(pk=job.pk, colours=colours + ".ansi-bold{font-weight:bold}")
    if form == "json":  # as AWX's stdout/?format=json has it
        end = orjson.dumps(job.lines).decode()
        yield f'{{"range":{{"start":0,"end":{end},"absolute_end":{end}}},"content":"'
    async for piece in pieces:
        yield orjson.dumps(piece).decode()[1:-1] if form == "json" else piece
    if form == "html":
        yield "</pre></body></html>\n"
    if form == "json":
        yield '"}\n'
