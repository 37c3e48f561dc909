"""What the words of a notification may name of a job: AWX's fields, from Gantry's rows.

A started job is told as it was then, however late its message goes out. No secret is among it:
password answers of a survey are masked as everywhere. AWX: JobNotificationMixin.context and the
`notification_data` of each kind of job.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db.models import F

from gantry.base.config import settings
from gantry.path.notification_stub import STUB
from gantry.resources.credentials import Credential
from gantry.resources.jobs import Job, JobHostSummary, UnifiedJob
from gantry.resources.surveys import shown_variables
from gantry.resources.workflows import WorkflowJob

NAMES = {
    "job": "Job", "project_update": "Project Update", "inventory_update": "Inventory Update",
    "system_job": "System Job", "ad_hoc_command": "AdHoc Command", "workflow_job": "Workflow Job",
    "environment_build": "Environment Build",
}  # fmt: skip
HOST_COUNTS = (
    "failed", "changed", "dark", "failures", "ok", "processed", "skipped", "rescued", "ignored",
)  # fmt: skip
STATES = ("dark", "failures", "changed", "ok", "skipped")  # the first that is not 0 tells of a host
_PLAIN = tuple(
    name for name in STUB["job"] if name not in ("url", "type", "summary_fields", "artifacts")
)


def context_of(job: UnifiedJob, occasion: str) -> dict[str, Any]:
    """Blocking: reads rows. `job` may be of any kind."""
    whole: Any = getattr(job, f"as_{job.kind}", job)
    as_it_was = {"status": "running", "finished": None} if occasion == "started" else {}
    hosts = _hosts(whole) if isinstance(whole, Job) and occasion != "started" else {}
    url = f"{settings().public_url}/jobs/{job.pk}/"
    told = {name: getattr(whole, name) for name in _PLAIN if hasattr(whole, name)}
    told |= {name: _iso(told.get(name)) for name in ("started", "finished") if name in told}
    told |= {
        "url": f"/api/v2/{job.kind}s/{job.pk}/", "type": job.kind, "elapsed": whole.seconds(),
        "artifacts": _artifacts(whole), "host_status_counts": _counted(hosts),
        "summary_fields": _summaries(whole), **as_it_was,
    }  # fmt: skip
    told.setdefault("custom_virtualenv", None)
    data = {**_data(whole, url), **as_it_was, **_playbook(whole, hosts), **_workflow(whole)}
    return {
        "job": told,
        "job_friendly_name": NAMES.get(job.kind, job.kind.replace("_", " ").title()),
        "url": url,
        "job_metadata": json.dumps(data, ensure_ascii=False, indent=4, default=str),
    }


def _iso(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def _data(job: Any, url: str) -> dict[str, Any]:
    return {
        "id": job.pk,
        "name": job.name,
        "url": url,
        "created_by": str(job.created_by) if job.created_by else "None",  # AWX's text of nobody
        "started": job.started.isoformat() if job.started else None,
        "finished": job.finished.isoformat() if job.finished else None,
        "status": job.status,
        "traceback": job.result_traceback,
    }


def _playbook(job: Any, hosts: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(job, Job):
        return {}
    machine = Credential.objects.filter(jobs=job.pk, credential_type__kind="ssh")
    return {
        "inventory": job.inventory.name if job.inventory else None,
        "project": job.project.name if job.project else None,
        "playbook": job.playbook,
        "credential": machine.values_list("name", flat=True).first(),
        "limit": job.limit,
        "extra_vars": shown_variables(job) or "{}",
        "hosts": hosts,
    }


def _workflow(job: Any) -> dict[str, Any]:
    if not isinstance(job, WorkflowJob):
        return {}
    lines = ["Workflow job summary:", ""]
    for node in job.workflow_job_nodes.select_related("job").order_by("pk"):
        told = "no job."
        if node.job is not None:
            told = (
                f'job #{node.job.pk}, "{node.job.name}", which finished with status '
                f"{node.job.status}."
            )
        lines.append(f"- node #{node.pk} spawns {told}")
    return {
        "body": "\n".join(lines),
        "inventory": job.inventory.name if job.inventory else None,
        "limit": job.limit,
        "extra_vars": shown_variables(job) or "{}",
    }


def _hosts(job: Job) -> dict[str, dict[str, Any]]:
    rows = job.job_host_summaries.values("host_name", *HOST_COUNTS)
    return {str(row.pop("host_name")): dict(row) for row in rows}


def _counted(hosts: dict[str, dict[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for counts in hosts.values():
        name = next((name for name in STATES if counts[name]), None)
        if name is not None:
            found[name] = found.get(name, 0) + 1
    return found


def _artifacts(job: Any) -> Any:
    artifacts = getattr(job, "artifacts", {})
    if isinstance(artifacts, dict) and artifacts.get("_ansible_no_log"):
        return "$hidden due to Ansible no_log flag$"
    return artifacts


def _summaries(job: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, fields in STUB["job"]["summary_fields"].items():
        if name not in ("labels", "inventory"):
            row = getattr(job, name, None)
            if row is not None:
                found[name] = {f: getattr(row, f) for f in fields if hasattr(row, f)}
    inventory = getattr(job, "inventory", None)
    if inventory is not None:
        found["inventory"] = _inventory(inventory)
    labels = [{"id": label.pk, "name": label.name} for label in job.labels.all()[:10]]
    found["labels"] = {"count": job.labels.count(), "results": labels}
    if "unified_job_template" in found:
        found["unified_job_template"]["unified_job_type"] = job.kind
    return found


def _inventory(inventory: Any) -> dict[str, Any]:
    sources = inventory.inventory_sources.exclude(source__in=("file", "constructed"))
    summaries = JobHostSummary.objects.filter(failed=True, host__inventory=inventory)
    failed = summaries.filter(job=F("host__last_job")).count()
    total = sources.count()
    return {
        "id": inventory.pk, "name": inventory.name, "description": inventory.description,
        "has_active_failures": failed > 0, "total_hosts": inventory.hosts.count(),
        "hosts_with_active_failures": failed, "total_groups": inventory.groups.count(),
        "has_inventory_sources": total > 0, "total_inventory_sources": total,
        "inventory_sources_with_failures": sources.filter(last_job_failed=True).count(),
        "organization_id": inventory.organization_id, "kind": inventory.kind,
    }  # fmt: skip
