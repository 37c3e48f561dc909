"""Where the page of a row is, and where its noun stands in the API: both by its kind."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from gantry.resources.templates import UnifiedJobTemplate

# kind of a template -> (its noun in the API, name of its page, what people call it)
TEMPLATES = {
    "job_template": ("job_templates", "template", "Job template"),
    "workflow_job_template": ("workflow_job_templates", "workflow", "Workflow"),
    "project": ("projects", "project", "Project sync"),
    "inventory_source": ("inventory_sources", "inventory-source", "Inventory source"),
    "system_job_template": ("system_job_templates", "", "System job"),
    "workflow_approval_template": ("workflow_approval_templates", "", "Approval"),
}


def page_of(row: UnifiedJobTemplate) -> str:
    """ "" where there is no page."""
    name = TEMPLATES.get(row.kind, ("", "", ""))[1]
    return reverse(name, args=[row.pk]) if name else ""


def address_of(row: Any) -> str:
    """Below /api/v2/."""
    return f"{TEMPLATES[row.kind][0]}/{row.pk}/"


def word_of(row: UnifiedJobTemplate) -> str:
    return TEMPLATES.get(row.kind, ("", "", row.kind))[2]
