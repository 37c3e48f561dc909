"""/api/v2/dashboard/: how many of everything a person may read, and how many of them failed."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from django.db.models import Exists, Model, OuterRef, QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.names import ROOT
from gantry.api.views import AwxView
from gantry.resources import access
from gantry.resources.models import (
    Credential,
    Group,
    Host,
    Inventory,
    InventorySource,
    JobHostSummary,
    JobTemplate,
    Organization,
    Project,
    Team,
    UnifiedJob,
    User,
)
from gantry.resources.run_counts import OUTCOMES, days_between, runs_by_day

COUNTED: dict[str, type[Model]] = {
    "users": User, "organizations": Organization, "teams": Team, "credentials": Credential,
    "job_templates": JobTemplate,
}  # fmt: skip
SCM_TYPES = {"git": "Git", "svn": "Subversion", "archive": "Remote Archive"}
PERIODS = {"month": 30, "two_weeks": 14, "week": 7, "day": 1}
KINDS = {"playbook_run": "job", "scm_update": "project_update", "inv_sync": "inventory_update"}


class Dashboard(AwxView):
    name = "Dashboard"

    def get(self, request: Request, **kwargs: Any) -> Response:
        def theirs(model: type[Model]) -> QuerySet[Any]:
            return access.visible(request.user, model._default_manager.all())

        inventories, hosts, projects = theirs(Inventory), theirs(Host), theirs(Project)
        failed = hosts.filter(Exists(_failed_summary()))
        external = theirs(InventorySource).exclude(source__in=("file", "constructed"))
        amazon = external.filter(source="ec2")
        sources = f"{ROOT}inventory_sources/?source=ec2"
        body: dict[str, Any] = {
            "related": {"jobs_graph": f"{ROOT}dashboard/graphs/jobs/"},
            "inventories": {
                "url": f"{ROOT}inventories/",
                "total": inventories.count(),
                "total_with_inventory_source": inventories.filter(
                    pk__in=external.values("inventory")
                ).count(),
                "job_failed": inventories.filter(pk__in=failed.values("inventory")).count(),
                "inventory_failed": external.filter(last_job_failed=True).count(),
            },
            "inventory_sources": {
                "ec2": {
                    "url": sources,
                    "failures_url": f"{sources}&status=failed",
                    "label": "Amazon EC2",
                    "total": amazon.count(),
                    "failed": amazon.filter(status="failed").count(),
                }
            },
            "groups": {
                "url": f"{ROOT}groups/",
                "total": theirs(Group).count(),
                # Of everybody's groups, as in AWX.
                "inventory_failed": Group.objects.filter(
                    inventory_sources__last_job_failed=True
                ).count(),
            },
            "hosts": {
                "url": f"{ROOT}hosts/",
                "failures_url": f"{ROOT}hosts/?last_job_host_summary__failed=True",
                "total": hosts.count(),
                "failed": failed.count(),
            },
            "projects": _projects(projects, ""),
            "scm_types": {
                kind: {**_projects(projects.filter(scm_type=kind), kind), "label": label}
                for kind, label in SCM_TYPES.items()
            },
        }
        for name, model in COUNTED.items():
            body[name] = {"url": f"{ROOT}{name}/", "total": theirs(model).count()}
        return Response(body)


def _failed_summary() -> QuerySet[JobHostSummary]:
    """How a host fared in its last job, where that was badly."""
    last = JobHostSummary.objects.filter(host=OuterRef("pk"), job=OuterRef("last_job"))
    return last.filter(failed=True)


def _projects(rows: QuerySet[Any], kind: str) -> dict[str, Any]:
    url = f"{ROOT}projects/"
    return {
        "url": f"{url}?scm_type={kind}" if kind else url,
        "failures_url": f"{url}?{f'scm_type={kind}&' if kind else ''}last_job_failed=True",
        "total": rows.count(),
        "failed": rows.filter(last_job_failed=True).count(),
    }


class DashboardJobsGraph(AwxView):
    """How many jobs ended how, day by day: [[seconds since 1970, how many], ...]."""

    name = "Dashboard Jobs Graphs"

    def get(self, request: Request, **kwargs: Any) -> Response:
        period = request.query_params.get("period", "month")
        if period not in PERIODS:
            return Response({"error": f'Unknown period "{period}"'}, 400)
        end = timezone.now()
        start = end - timedelta(days=PERIODS[period])
        rows = access.visible(request.user, UnifiedJob.objects.all())
        kind = KINDS.get(request.query_params.get("job_type", "all"))
        if kind is not None:
            rows = rows.filter(kind=kind)
        found = runs_by_day(rows, start, end, UTC)
        days = days_between(start, end)
        graph = {
            outcome: [[day.timestamp(), found.get((outcome, day), 0)] for day in days]
            for outcome in OUTCOMES
        }
        return Response({"jobs": graph})
