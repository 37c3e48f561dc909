"""Any lines of a job's output, in the form the page's log view takes, and all of them as text."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import orjson
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from gantry.base.bridge import in_thread
from gantry.resources.events import event_id
from gantry.resources.jobs import UnifiedJob
from gantry.web import output
from gantry.web.pages import found, signed_in

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")


@signed_in
def lines(request: HttpRequest, pk: int) -> HttpResponse:
    """?from=A&to=B, lines counted from 0, B not included."""
    job = found(request, UnifiedJob.objects.all(), pk)
    start, end = _number(request.GET.get("from")), _number(request.GET.get("to"))
    body = orjson.dumps({"events": output.block(job, start, end)})
    return HttpResponse(body, content_type="application/json")


@signed_in
def text(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The whole output without colours, sent as it is read: its size does not matter."""
    job = found(request, UnifiedJob.objects.all(), pk)
    return StreamingHttpResponse(
        _plain(job),
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="job-{pk}.txt"'},
    )


async def _plain(job: UnifiedJob) -> AsyncIterator[str]:
    after = 0
    while True:
        found, last = await _piece(job, after)
        if last == after:
            return
        after = last
        yield found


@in_thread
def _piece(job: UnifiedJob, after: int) -> tuple[str, int]:
    rows = output.events_of(job).filter(id__gt=event_id(job.pk, after))
    read = list(rows.values_list("counter", "stdout")[:500])
    text = "".join(_ESCAPES.sub("", stdout) + "\n" for _, stdout in read if stdout)
    return text, read[-1][0] if read else after


def _number(given: str | None) -> int:
    return int(given) if given and given.isdecimal() and len(given) < 10 else 0
