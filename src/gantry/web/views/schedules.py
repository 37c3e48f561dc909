"""Schedules: all of them or one template's, the calendar of what is to come, and one schedule."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from gantry.resources.access import may, visible, within
from gantry.resources.schedules import MISSED_RUNS, Schedule
from gantry.resources.templates import UnifiedJobTemplate
from gantry.web import places
from gantry.web.ask import ask, sentences
from gantry.web.calendar import month_of, neighbours
from gantry.web.pages import action, found, page, paged, signed_in, who
from gantry.web.rules import in_words
from gantry.web.schedule_form import Filled, ScheduleForm
from gantry.web.zone import zone_of

SCHEDULED = ("job_template", "workflow_job_template", "project", "inventory_source",
             "system_job_template")  # fmt: skip
RELATED = ("unified_job_template", "created_by")


def _rows(request: HttpRequest) -> tuple[QuerySet[Schedule], UnifiedJobTemplate | None]:
    """What this person sees, of one template where the address names one."""
    rows = visible(who(request), Schedule.objects.select_related(*RELATED))
    wanted = request.GET.get("template", "")
    if not wanted:
        return rows, None
    template = found(request, UnifiedJobTemplate.objects.all(), _number(wanted))
    return rows.filter(unified_job_template=template), template


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise Http404
    return int(text)


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows, template = _rows(request)
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words) | rows.filter(
            unified_job_template__name__icontains=words
        )
    rows = rows.order_by("-enabled", "next_run", "name")
    shown = paged(request, rows)
    return page(
        request,
        "schedules/list.html",
        {
            "rows": shown,
            "lines": [_line(row) for row in shown],
            "of": template,
            "of_page": places.page_of(template) if template else "",
            "can_add": _may_add(request, template),
        },
    )


def _line(row: Schedule) -> dict[str, Any]:
    template = row.unified_job_template
    return {
        "row": row, "rule": in_words(row.rrule), "page": places.page_of(template),
        "kind": places.word_of(template),
    }  # fmt: skip


def _may_add(request: HttpRequest, template: UnifiedJobTemplate | None) -> bool:
    if template is not None:
        return may(who(request), "start", template)
    return _startable(request).exists()


def _startable(request: HttpRequest) -> QuerySet[UnifiedJobTemplate]:
    rows = UnifiedJobTemplate.objects.filter(kind__in=SCHEDULED)
    return within(who(request), "start", rows).order_by("name")


@signed_in
def calendar(request: HttpRequest) -> HttpResponse:
    rows, template = _rows(request)
    now, zone = timezone.now(), zone_of(request)
    year, month = now.year, now.month
    try:
        year, month = map(int, request.GET.get("month", "").split("-"))
        if not (1970 <= year <= 2199 and 1 <= month <= 12):
            raise Http404
    except ValueError:
        pass
    shown = rows.filter(enabled=True, next_run__isnull=False).order_by("next_run")[:200]
    weeks = month_of(year, month, list(shown), zone)
    return page(
        request,
        "schedules/calendar.html",
        {
            "weeks": weeks, "zone": zone, "of": template,
            "of_page": places.page_of(template) if template else "",
            "first": weeks[1][0].on, "any": any(d.entries for week in weeks for d in week),
            "can_add": _may_add(request, template), **neighbours(year, month),
        },
    )  # fmt: skip


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Schedule.objects.select_related(*RELATED), pk)
    jobs = visible(who(request), row.unifiedjobs.select_related("created_by")).order_by("-id")
    answer = ask(request, "POST", "schedules/preview/", {"rrule": row.rrule})
    return page(
        request,
        "schedules/detail.html",
        {
            **_line(row),
            "runs": answer.data["utc"] if answer.ok else [],
            "jobs": jobs[:10],
            "prompts": _prompts(row),
            "missed_words": dict(MISSED_RUNS)[row.missed_runs],
        },
    )


def _prompts(row: Schedule) -> list[tuple[str, Any]]:
    """What it launches with besides its template, for people."""
    said: list[tuple[str, Any]] = [
        (name.replace("_", " ").capitalize(), value) for name, value in row.char_prompts.items()
    ]
    said += [("Inventory", row.inventory)] if row.inventory else []
    said += [("Environment", row.execution_environment)] if row.execution_environment else []
    said += [("Credential", credential) for credential in row.credentials.all()]
    said += [("Label", label) for label in row.labels.all()]
    return said + [(f"Variable {k}", v) for k, v in row.shown_data().items()]


@signed_in
def add(request: HttpRequest) -> HttpResponse:
    wanted = request.GET.get("template", "")
    if not wanted:
        rows = _startable(request)
        if not rows.exists():
            raise PermissionDenied
        if words := request.GET.get("q", "").strip():
            rows = rows.filter(name__icontains=words)
        lines = [(row, places.word_of(row)) for row in rows[:200]]
        return page(request, "schedules/choose.html", {"lines": lines})
    rows = UnifiedJobTemplate.objects.filter(kind__in=SCHEDULED)
    return _edit(request, found(request, rows, _number(wanted), "start"), None)


@signed_in
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Schedule.objects.select_related(*RELATED), pk, "change")
    return _edit(request, row.unified_job_template, row)


def _edit(request: HttpRequest, template: UnifiedJobTemplate, row: Schedule | None) -> HttpResponse:
    filled = Filled(request, template, row)
    previewed: dict[str, Any] = {}
    if request.method == "POST" and "preview" in request.POST:
        previewed = _preview(request)
    elif request.method == "POST" and (saved := filled.save()) is not None:
        messages.success(request, f"Saved {saved.name}.")
        return redirect("schedule", saved.pk)
    return page(
        request,
        "schedules/form.html",
        {
            "form": filled.form, "prompts": filled.prompts, "row": row, "of": template,
            "of_page": places.page_of(template), "kind": places.word_of(template),
            "previewed": bool(previewed), **previewed,
        },
        status=422 if filled.wrong and not previewed else 200,
    )  # fmt: skip


@action
def preview(request: HttpRequest) -> HttpResponse:
    """The next runs of what a form says, for the page to show while it is filled in."""
    return page(request, "schedules/preview.html", _preview(request))


def _preview(request: HttpRequest) -> dict[str, Any]:
    form = ScheduleForm(request.POST)
    form.prepare("", zone_of(request))
    form.full_clean()
    for name in ("name", "missed_runs"):  # not of the rule
        form.errors.pop(name, None)
    rule = form.rule()
    if not rule:
        return {"problems": [str(word) for words in form.errors.values() for word in words]}
    answer = ask(request, "POST", "schedules/preview/", {"rrule": rule})
    if not answer.ok:
        return {"problems": [sentences(answer.data)]}
    return {"rule": in_words(rule), "text": rule, "runs": answer.data["local"]}


@action
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Schedule.objects.all(), pk, "change")
    answer = ask(request, "PATCH", f"schedules/{pk}/", {"enabled": not row.enabled})
    if not answer.ok:
        messages.error(request, sentences(answer.data))
    return redirect("schedules") if request.POST.get("back") == "list" else redirect("schedule", pk)


def schedules_of(request: HttpRequest, template: Any) -> list[dict[str, Any]]:
    """For the pages of what is scheduled."""
    rows = visible(who(request), Schedule.objects.filter(unified_job_template=template))
    return [_line(row) for row in rows.select_related(*RELATED).order_by("-enabled", "next_run")]
