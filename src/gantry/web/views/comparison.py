"""Two runs of a template side by side."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from gantry.record.compare import compare
from gantry.resources.access import visible
from gantry.resources.jobs import Job
from gantry.web.job_differences import Difference
from gantry.web.pages import found, page, signed_in, who

CHOICES = 50  # runs that can be chosen
SHOWN = 500  # results


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """?with=N; without it the run before this one."""
    jobs = Job.objects.select_related("inventory_snapshot", "created_by")
    right = found(request, jobs, pk)
    if right.unified_job_template_id is None:
        raise Http404("a job without template has no other runs")
    others = visible(
        who(request),
        jobs.filter(unified_job_template=right.unified_job_template_id).exclude(pk=pk),
    ).order_by("-id")
    left = _other(request, others, right)
    context: dict[str, Any] = {"job": right, "other": left, "choices": others[:CHOICES]}
    if left is not None:
        made = compare(left, right)
        tasks = sorted(made.tasks, key=lambda task: -abs(task.more))
        context |= {
            "facts": _facts(left, right),
            "tasks": tasks[:SHOWN],
            "results": made.results[:SHOWN],
            "more_results": max(len(made.results) - SHOWN, 0),
            "cut": made.cut,
        }
    return page(request, "jobs/compare.html", context)


def _other(request: HttpRequest, others: Any, right: Job) -> Job | None:
    wanted = request.GET.get("with", "")
    if wanted.isdecimal() and len(wanted) < 18:
        other: Job | None = others.filter(pk=int(wanted)).first()
        if other is None:
            raise Http404(f"no run {wanted} of this template")
        return other
    before: Job | None = others.filter(pk__lt=right.pk).first()
    return before or others.first()


def _facts(left: Job, right: Job) -> list[Difference]:
    def inventory(job: Job) -> str:
        kept = job.inventory_snapshot
        return f"{kept.sha256[:12]}, {kept.host_count} hosts" if kept else "not kept"

    rows = [
        ("Status", left.get_status_display(), right.get_status_display()),
        ("Environment", left.ee_name or left.ee_image, right.ee_name or right.ee_image),
        ("Digest", left.ee_digest, right.ee_digest),
        ("Commit", left.scm_revision, right.scm_revision),
        ("Playbook", left.playbook, right.playbook),
        ("Inventory", inventory(left), inventory(right)),
        ("Limit", left.limit or "", right.limit or ""),
    ]
    return [Difference(name, str(a or "none"), str(b or "none")) for name, a, b in rows]
