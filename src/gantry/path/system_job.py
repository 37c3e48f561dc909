"""Step 1 of a system job: the one function that makes one, whoever asks for it.

`control/system_walk.py` goes on; what it does is in `record/retention.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from gantry.base.errors import Forbidden, InvalidInput
from gantry.path.queue import enqueue
from gantry.path.saved_prompts import days_of
from gantry.resources import access
from gantry.resources.organizations import User
from gantry.resources.system_jobs import SystemJob, SystemJobTemplate
from gantry.resources.templates import UnifiedJobTemplate
from gantry.resources.variables import parse_variables

DATED = ("cleanup_jobs", "cleanup_activitystream", "cleanup_images")


def launch_system_job(
    template: SystemJobTemplate,
    *,
    user: User | None,
    variables: Mapping[str, Any] | str,
    launch_type: str = "manual",
) -> SystemJob:
    """Make a pending run. `variables`: days, dry_run; others mean nothing, as in AWX. Raises
    Forbidden and InvalidInput."""
    if user is not None and not access.may(user, "start", template):
        raise Forbidden("You do not have permission to perform this action.")
    given = parse_variables(variables, field="extra_vars")
    if template.job_type in DATED and "days" in given and days_of(given) is None:
        raise InvalidInput("days must be a positive integer.", field="extra_vars")
    with transaction.atomic():
        job = SystemJob(
            kind="system_job", name=template.name, description=template.description,
            job_type=template.job_type, extra_vars=json.dumps(given, default=str),
            system_job_template=template, unified_job_template=template, launch_type=launch_type,
            created_by=user, modified_by=user,
        )  # fmt: skip
        job.save()
        UnifiedJobTemplate.objects.filter(pk=template.pk).update(current_job=job, status="pending")
        enqueue(job)
    return job
