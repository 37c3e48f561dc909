"""The first page: what runs, what failed lately, what can be launched."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, F
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from gantry.resources.access import may_add, visible
from gantry.resources.jobs import ACTIVE, UnifiedJob
from gantry.resources.templates import JobTemplate
from gantry.web.pages import page, signed_in, who


@signed_in
def dashboard(request: HttpRequest) -> HttpResponse:
    jobs = visible(who(request), UnifiedJob.objects.all())
    day = jobs.filter(created__gte=timezone.now() - timedelta(days=1))
    counts = dict(day.values_list("status").annotate(Count("id")).order_by())
    shown = jobs.select_related("created_by").order_by("-id")
    templates = visible(who(request), JobTemplate.objects.select_related("project", "last_job"))
    return page(
        request,
        "dashboard.html",
        {
            "active": shown.filter(status__in=ACTIVE)[:8],
            "recent": shown.exclude(status__in=ACTIVE)[:10],
            "templates": templates.order_by(F("last_job_run").desc(nulls_last=True), "name")[:8],
            "succeeded": counts.get("successful", 0),
            "failed": counts.get("failed", 0) + counts.get("error", 0),
            "running": jobs.filter(status="running").count(),
            "waiting": jobs.filter(status__in=("new", "pending", "waiting")).count(),
            "may_add_template": may_add(who(request), JobTemplate),
        },
    )
