"""Step 1 for a job in slices: a workflow whose nodes run the same template, each on some hosts.

Its nodes keep what the launch said; path/spawn.py launches each with it, so nothing else knows of
slices but the inventory of a job. AWX: JobTemplate.create_unified_job, get_effective_slice_ct.
"""

from __future__ import annotations

from django.db import transaction

from gantry.base.errors import InvalidInput
from gantry.path.prompts import Prompted
from gantry.path.workflow_nodes import Wanted, add_nodes, begin_run
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.host_filter import hosts_of
from gantry.resources.organizations import User
from gantry.resources.surveys import password_variables
from gantry.resources.templates import JobTemplate
from gantry.resources.variables import parse_variables
from gantry.resources.workflows import SLICE, WorkflowJob, WorkflowOptions


def slices_of(template: JobTemplate, prompted: Prompted) -> int:
    """Into how many slices a launch goes; less than two: into none. There are no more of them than
    hosts."""
    wanted: int = prompted.values["job_slice_count"]
    if wanted < 2:
        return wanted
    count = min(wanted, hosts_of(prompted.values["inventory"]).count())
    if count < 2 and "job_slice_count" in prompted.taken and wanted != template.job_slice_count:
        raise InvalidInput(
            "Job inventory does not have enough hosts for slicing", field="job_slice_count"
        )
    return max(count, 1)


def launch_slices(
    template: JobTemplate, prompted: Prompted, count: int, user: User | None, launch_type: str
) -> WorkflowJob:
    """Make the pending workflow job."""
    assert template.project is not None
    values = {f.name: prompted.values[f.name] for f in WorkflowOptions._meta.fields}
    parse_variables(values["extra_vars"], field="extra_vars")
    secret = {*password_variables(template), *prompted.passwords}
    with transaction.atomic():
        job = WorkflowJob(
            **values, kind="workflow_job", name=template.name, description=template.description,
            launch_type=launch_type, job_template=template, unified_job_template=template,
            organization=template.project.organization, is_sliced_job=True, created_by=user,
            modified_by=user, survey_passwords=dict.fromkeys(secret, ENCRYPTED),
        )  # fmt: skip
        nodes = [
            Wanted(template, prompted.taken, left={SLICE: number + 1}) for number in range(count)
        ]
        begin_run(job, prompted.passwords, prompted.labels, lambda: add_nodes(job, nodes))
    return job
