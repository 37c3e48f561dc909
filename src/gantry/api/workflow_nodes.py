"""/api/v2/workflow_job_template_nodes/: the nodes of workflows and the edges between them. AWX:
WorkflowJobTemplateNodeSerializer, WorkflowJobTemplateNodeChildrenBaseList."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import transaction
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.launch_configs import SAVED, ConfigCredentialsList
from gantry.api.names import url_of
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import (
    AttachView,
    DetailView,
    ListCreateView,
    NounView,
    SubListCreateView,
    body_of,
    person_of,
)
from gantry.api.workflow_approvals import WorkflowApprovalTemplateSerializer
from gantry.api.workflow_jobs import EDGES, NodeSerializer
from gantry.path.workflow import edges_of
from gantry.path.workflow_graph import has_cycle
from gantry.resources import access
from gantry.resources.models import (
    WorkflowApprovalTemplate,
    WorkflowJobTemplate,
    WorkflowJobTemplateNode,
)

CYCLE = {"Error": "Cycle detected."}
OWN = ("workflow_job_template", "identifier", "all_parents_must_converge", "unified_job_template")


class WorkflowJobTemplateNodeSerializer(NodeSerializer):
    sublists = {
        "labels": "labels", "credentials": "credentials", "instance_groups": "instance_groups",
        "create_approval_template": "create_approval_template", **EDGES,
    }  # fmt: skip
    linked = (
        "unified_job_template", "workflow_job_template", "inventory", "execution_environment",
    )  # fmt: skip
    summarized = linked[1::-1] + linked[2:]
    used: ClassVar[Mapping[str, str]] = {
        "unified_job_template": "start", "inventory": "use", "execution_environment": "read",
    }  # fmt: skip
    whole = False

    class Meta:
        model = WorkflowJobTemplateNode
        fields = (
            *(name for name in BASE if name not in ("name", "description")), *SAVED,
            "workflow_job_template", "unified_job_template", *EDGES, "all_parents_must_converge",
            "identifier",
        )  # fmt: skip

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        if isinstance(self.instance, WorkflowJobTemplateNode):
            found["workflow_job_template"].read_only = True
        return found

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        template = attrs.get("unified_job_template", getattr(
            self.instance, "unified_job_template", None
        ))  # fmt: skip
        if template is None:
            attrs = {name: value for name, value in attrs.items() if name in OWN}
            return AwxSerializer.validate(self, attrs)
        return super().validate(attrs)


class NodeAdd:
    """Who administers a workflow adds nodes to it."""

    request: Any

    def check_add(self, attrs: Mapping[str, Any]) -> None:
        row = WorkflowJobTemplateNode(workflow_job_template=attrs["workflow_job_template"])
        if not access.may(self.request.user, "add", row):
            raise PermissionDenied


class WorkflowJobTemplateNodeList(NodeAdd, ListCreateView):
    model = WorkflowJobTemplateNode
    serializer_class = WorkflowJobTemplateNodeSerializer
    ordering = ("id",)


class WorkflowJobTemplateNodeDetail(DetailView):
    model = WorkflowJobTemplateNode
    serializer_class = WorkflowJobTemplateNodeSerializer

    def check_change(self, row: Any, attrs: Mapping[str, Any]) -> None:
        """Nobody changes what is launched with what they may not launch."""
        template = row.unified_job_template
        if template is not None and not access.may(self.request.user, "start", template):
            raise PermissionDenied


class WorkflowJobTemplateWorkflowNodesList(NodeAdd, SubListCreateView):
    model = WorkflowJobTemplateNode
    serializer_class = WorkflowJobTemplateNodeSerializer
    parent_model = WorkflowJobTemplate
    relationship = "workflow_job_template_nodes"
    parent_key = "workflow_job_template"
    ordering = ("id",)

    def children(self, parent: Any) -> Any:
        return parent.workflow_job_template_nodes.all()


class NextNodesList(NodeAdd, AttachView):
    """The nodes that follow over one kind of edge; a whole object is made in the same workflow."""

    model = WorkflowJobTemplateNode
    serializer_class = WorkflowJobTemplateNodeSerializer
    parent_model = WorkflowJobTemplateNode

    def given(self, request: Request) -> Mapping[str, Any]:
        return {**body_of(request), "workflow_job_template": self.parent().workflow_job_template_id}

    def attach(self, parent: Any, row: Any, *, created: bool = False) -> Any:
        if parent.workflow_job_template_id != row.workflow_job_template_id:
            raise PermissionDenied
        # One at a time: two that each add an edge could close a circle together.
        WorkflowJobTemplate.objects.select_for_update(of=("self",)).get(
            pk=parent.workflow_job_template_id
        )
        return super().attach(parent, row, created=created)

    def refuse(self, parent: Any, row: Any) -> Any:
        if parent.pk == row.pk:
            return CYCLE
        others = [edge for edge in EDGES if edge != self.relationship]
        if any(getattr(parent, edge).filter(pk=row.pk).exists() for edge in others):
            return {"Error": "Relationship not allowed."}
        ids = list(
            WorkflowJobTemplateNode.objects.filter(
                workflow_job_template=parent.workflow_job_template_id
            ).values_list("pk", flat=True)
        )
        edges = [pair for e in EDGES for pair in edges_of(WorkflowJobTemplateNode, e, ids)]
        return CYCLE if has_cycle([*edges, (parent.pk, row.pk)]) else None


def next_template_nodes(edge: str) -> type[NextNodesList]:
    name = f"WorkflowJobTemplateNode{edge.title().replace('_', '')}List"
    return type(name, (NextNodesList,), {"relationship": edge, "__module__": __name__})


class WorkflowJobTemplateNodeCredentialsList(ConfigCredentialsList):
    parent_model = WorkflowJobTemplateNode


class CreateApprovalSerializer(AwxSerializer):
    class Meta:
        model = WorkflowApprovalTemplate
        fields = ("timeout", "name", "description")


class WorkflowJobTemplateNodeCreateApproval(NounView):
    """POST puts a question to people at this node."""

    model = WorkflowJobTemplateNode
    serializer_class = CreateApprovalSerializer
    post_verb = "change"

    def get_queryset(self) -> Any:
        return WorkflowJobTemplateNode.objects.select_related("workflow_job_template")

    def get(self, request: Request, **kwargs: Any) -> Response:
        self.get_object()
        return Response({})

    def post(self, request: Request, **kwargs: Any) -> Response:
        node = self.get_object()
        asked = self.get_serializer(data=body_of(request))
        asked.is_valid(raise_exception=True)
        workflow, user = node.workflow_job_template, person_of(request)
        with transaction.atomic():
            made = WorkflowApprovalTemplate.objects.create(
                **asked.validated_data, kind="workflow_approval_template",
                workflow_job_template=workflow, created_by=user, modified_by=user,
            )  # fmt: skip
            old = node.unified_job_template
            node.unified_job_template = made
            node.save()
            if old is not None and old.kind == made.kind:
                old.delete()
        shown = WorkflowApprovalTemplateSerializer(made, context=self.get_serializer_context())
        return Response(shown.data, 201, headers={"Location": url_of(made)})
