"""What a custom message is tried on when it is saved: everything that it may name.

AWX: JobNotificationMixin.context_stub and JOB_FIELDS_ALLOWED_LIST, whose names these are. Rows of
real jobs are put into the same shape by notification_context.py.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

_THEN = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
_TOLD = _THEN.isoformat()

_SUMMARIES: dict[str, Any] = {
    "inventory": {
        "id": 1, "name": "an inventory", "description": "", "has_active_failures": False,
        "total_hosts": 1, "hosts_with_active_failures": 0, "total_groups": 0,
        "has_inventory_sources": False, "total_inventory_sources": 0,
        "inventory_sources_with_failures": 0, "organization_id": 1, "kind": "",
    },
    "project": {
        "id": 2, "name": "a project", "description": "", "status": "successful", "scm_type": "git",
    },
    "job_template": {"id": 3, "name": "a template", "description": ""},
    "unified_job_template": {
        "id": 3, "name": "a template", "description": "", "unified_job_type": "job",
    },
    "instance_group": {"id": 1, "name": "default"},
    "created_by": {"id": 1, "username": "admin", "first_name": "", "last_name": ""},
    "schedule": {"id": 1, "name": "a schedule", "description": "", "next_run": _THEN},
    "labels": {"count": 0, "results": []},
}  # fmt: skip

STUB: dict[str, Any] = {
    "job": {
        "id": 4, "type": "job", "url": "/api/v2/jobs/4/", "created": _THEN, "modified": _THEN,
        "name": "a template", "description": "", "job_type": "run", "playbook": "site.yml",
        "forks": 0, "limit": "", "verbosity": 0, "job_tags": "", "force_handlers": False,
        "skip_tags": "", "start_at_task": "", "timeout": 0, "use_fact_cache": False,
        "launch_type": "manual", "status": "running", "failed": False, "started": _TOLD,
        "finished": None, "elapsed": 0.4, "job_explanation": "", "execution_node": "node",
        "controller_node": "node", "allow_simultaneous": False, "scm_revision": "",
        "diff_mode": False, "job_slice_number": 0, "job_slice_count": 1, "custom_virtualenv": None,
        "approval_status": "approved", "approval_node_name": "a node",
        "workflow_url": "https://gantry.example.org/jobs/5/", "scm_branch": "", "artifacts": {},
        "host_status_counts": {
            "skipped": 1, "ok": 5, "changed": 3, "failed": 0, "failures": 0, "dark": 0,
            "processed": 0, "rescued": 0, "ignored": 0,
        },
        "summary_fields": _SUMMARIES,
    },
    "job_friendly_name": "Job",
    "url": "https://gantry.example.org/jobs/4/",
    "approval_status": "approved",
    "approval_node_name": "a node",
    "workflow_url": "https://gantry.example.org/jobs/5/",
    "job_metadata": json.dumps(
        {
            "id": 4, "name": "a template", "url": "https://gantry.example.org/jobs/4/",
            "created_by": "admin", "started": _TOLD, "finished": None, "status": "running",
            "traceback": "", "inventory": "an inventory", "project": "a project",
            "playbook": "site.yml", "credential": "a credential", "limit": "", "extra_vars": "{}",
            "hosts": {},
        },
        indent=4,
    ),
}  # fmt: skip
