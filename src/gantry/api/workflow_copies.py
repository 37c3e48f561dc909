"""/workflow_job_templates/N/copy/: a workflow with its nodes, survey and approvals."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.copies import CopyView
from gantry.api.views import person_of
from gantry.api.webhook_fields import filters_of
from gantry.api.workflow_job_templates import WorkflowJobTemplateSerializer
from gantry.path.workflow import copy_nodes
from gantry.resources import access
from gantry.resources.models import (
    WorkflowApprovalTemplate,
    WorkflowJobTemplate,
    WorkflowJobTemplateNode,
)
from gantry.resources.surveys import default_of, set_survey


class WorkflowJobTemplateCopy(CopyView):
    """Its nodes go along, without what the copier may not start or use: AWX says which beforehand
    and leaves those places empty."""

    model = WorkflowJobTemplate
    makes = shows = WorkflowJobTemplateSerializer

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        shown = super().get(request, *args, **kwargs)
        able = bool(shown.data["can_copy"])
        lacking = self._lacking(self.original()) if able else {}
        return Response({
            "can_copy": able, "can_copy_without_user_input": able and not any(lacking.values()),
            **{f"{what}_unable_to_copy": lacking.get(what, []) if able else ["all"]
               for what in ("templates", "credentials", "inventories")},
        })  # fmt: skip

    def _lacking(self, original: Any) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {"templates": [], "credentials": [], "inventories": []}
        for node in original.workflow_job_template_nodes.all():
            template, inventory = node.unified_job_template, node.inventory
            if template is not None and not access.may(self.request.user, "start", template):
                found["templates"].append(template.name)
            if inventory is not None and not access.may(self.request.user, "use", inventory):
                found["inventories"].append(inventory.name)
            found["credentials"] += [c.name for c in self._not_usable(node)]
        return found

    def _not_usable(self, node: Any) -> list[Any]:
        return [c for c in node.credentials.all() if not access.may(self.request.user, "use", c)]

    def data_of(self, original: Any) -> dict[str, Any]:
        return {**super().data_of(original), **filters_of(original)}

    def fill(self, original: Any, row: Any) -> None:
        super().fill(original, row)
        if original.survey_spec.get("spec"):
            survey = {**original.survey_spec, "spec": [
                {**q, "default": default_of(original, q)} if "default" in q else q
                for q in original.survey_spec["spec"]
            ]}  # fmt: skip
            set_survey(row, survey)
            row.save(update_fields=["survey_spec"])
        nodes = original.workflow_job_template_nodes.all()
        copies = copy_nodes(nodes, lambda: WorkflowJobTemplateNode(workflow_job_template=row))
        for node in copies.values():
            self._take_away(node)

    def _take_away(self, node: Any) -> None:
        user, template = person_of(self.request), node.unified_job_template
        if template is not None and template.kind == "workflow_approval_template":
            old = template.as_workflow_approval_template
            node.unified_job_template = WorkflowApprovalTemplate.objects.create(
                kind=old.kind, name=old.name, description=old.description, timeout=old.timeout,
                workflow_job_template=node.workflow_job_template, created_by=user,
                modified_by=user,
            )  # fmt: skip
        elif template is not None and not access.may(user, "start", template):
            node.unified_job_template = None
        if node.inventory is not None and not access.may(user, "use", node.inventory):
            node.inventory = None
        node.credentials.remove(*self._not_usable(node))
        node.save()
