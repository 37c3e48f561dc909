"""Workflows made through the API, as a person makes them."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Api
from tests.api.world import snapshot

WORKFLOWS = "/api/v2/workflow_job_templates/"
NODES = "/api/v2/workflow_job_template_nodes/"
EDGES = ("success_nodes", "failure_nodes", "always_nodes")


def organization() -> Any:
    from gantry.resources.models import Organization

    return Organization.objects.get(name="Default")


def template(name: str = "template", **fields: Any) -> Any:
    """A job template that a launch takes."""
    from gantry.resources import models as m

    own = organization()
    project, created = m.Project.objects.get_or_create(
        kind="project", name="project", organization=own,
        defaults={"scm_type": "git", "scm_url": "https://git.example.org/a.git"},
    )  # fmt: skip
    if created:
        snapshot(project, "site.yml")
    inventory, _ = m.Inventory.objects.get_or_create(name="inventory", organization=own)
    return m.JobTemplate.objects.create(
        kind="job_template", name=name, organization=own, project=project, inventory=inventory,
        playbook="site.yml", **fields,
    )  # fmt: skip


def workflow(api: Api, name: str = "workflow", **fields: Any) -> dict[str, Any]:
    body = {"name": name, "organization": organization().pk, **fields}
    made: dict[str, Any] = api.post(WORKFLOWS, body)
    return made


def node(api: Api, of: dict[str, Any], job_template: Any = None, **fields: Any) -> dict[str, Any]:
    body = {"unified_job_template": job_template and job_template.pk, **fields}
    made: dict[str, Any] = api.post(of["related"]["workflow_nodes"], body)
    return made


def join(api: Api, one: dict[str, Any], other: dict[str, Any], edge: str = "success_nodes") -> None:
    api.post(one["related"][edge], {"id": other["id"]}, 204)
