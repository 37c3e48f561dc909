"""Start whatever a template of any kind starts, for what was saved: one function for all triggers.

Each kind is started by its own launch function of `path`; nobody's permission is asked, since who
saved it had it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gantry.base.errors import InvalidInput
from gantry.path.launch import launch_job
from gantry.path.prompts import Handed
from gantry.path.saved_prompts import launch_body
from gantry.path.system_job import launch_system_job
from gantry.path.updates import update_project, update_source
from gantry.path.workflow import launch_workflow
from gantry.resources.inventory_sources import InventorySource
from gantry.resources.jobs import UnifiedJob
from gantry.resources.projects import Project
from gantry.resources.system_jobs import SystemJobTemplate
from gantry.resources.templates import JobTemplate, UnifiedJobTemplate
from gantry.resources.workflows import WorkflowJobTemplate

Prompts = dict[str, Any]
Template = UnifiedJobTemplate
Given = Handed | None


def start(
    template: UnifiedJobTemplate, prompts: Prompts, launch_type: str, handed: Handed | None = None
) -> UnifiedJob:
    """The job that was made. `prompts` as saved_prompts.prompts_of gives them, variables in the
    clear; `handed` is what a job or a workflow gets besides. Raises GantryError."""
    starter = STARTERS.get(template.kind)
    if starter is None:
        raise InvalidInput(f"Nothing starts a {template.kind.replace('_', ' ')} by itself.")
    return starter(template, prompts, launch_type, handed)


def _job(template: Template, prompts: Prompts, launch_type: str, handed: Given) -> UnifiedJob:
    row = template
    if not isinstance(row, JobTemplate):
        row = JobTemplate.objects.select_related("project").get(pk=row.pk)
    body = launch_body(row, prompts)
    return launch_job(
        row, user=None, prompts=body, launch_type=launch_type, handed=handed
    ).job  # fmt: skip


def _project(template: Template, prompts: Prompts, launch_type: str, handed: Given) -> UnifiedJob:
    return update_project(Project.objects.get(pk=template.pk), user=None, launch_type=launch_type)


def _inventory_source(
    template: Template, prompts: Prompts, launch_type: str, handed: Given
) -> UnifiedJob:
    row = InventorySource.objects.get(pk=template.pk)
    return update_source(row, user=None, launch_type=launch_type)


def _system_job(
    template: Template, prompts: Prompts, launch_type: str, handed: Given
) -> UnifiedJob:
    row = SystemJobTemplate.objects.get(pk=template.pk)
    variables = prompts.get("extra_vars", {})
    return launch_system_job(row, user=None, variables=variables, launch_type=launch_type)


def _workflow(template: Template, prompts: Prompts, launch_type: str, handed: Given) -> UnifiedJob:
    row = WorkflowJobTemplate.objects.get(pk=template.pk)
    body = launch_body(row, prompts)
    return launch_workflow(
        row, user=None, prompts=body, launch_type=launch_type, handed=handed
    ).job  # fmt: skip


STARTERS: dict[str, Callable[[Template, Prompts, str, Given], UnifiedJob]] = {
    "job_template": _job,
    "project": _project,
    "inventory_source": _inventory_source,
    "system_job_template": _system_job,
    "workflow_job_template": _workflow,
}
