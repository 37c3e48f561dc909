"""/api/v2/workflow_jobs/ and /workflow_job_nodes/: runs of workflows, and what became of each node.
AWX: WorkflowJobSerializer, WorkflowJobNodeSerializer."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.credentials import CredentialSerializer
from gantry.api.delete_job import DeleteJob
from gantry.api.inventory_counts import inventory_extras
from gantry.api.labels import label_summaries
from gantry.api.launch_configs import SAVED, LaunchConfigSerializer
from gantry.api.names import url_of
from gantry.api.shape import BASE, SUMMARIES, summary
from gantry.api.unified import COMMON, DETAIL, UnifiedJobCancel, UnifiedJobSerializer
from gantry.api.views import ListView, NounView, ReadView, SubListView, body_of, person_of
from gantry.path.workflow_again import relaunch_workflow
from gantry.resources.models import (
    Credential,
    JobTemplate,
    WorkflowJob,
    WorkflowJobNode,
    WorkflowJobTemplate,
)
from gantry.resources.surveys import shown_variables
from gantry.resources.webhooks import SERVICES

_NEITHER = ("execution_environment", "execution_node")  # of what has no pod
FIELDS = (
    *(name for name in COMMON if name not in _NEITHER), "workflow_job_template", "extra_vars",
    "allow_simultaneous", "job_template", "is_sliced_job", "inventory", "limit", "scm_branch",
    "webhook_service", "webhook_credential", "webhook_guid", "skip_tags", "job_tags",
)  # fmt: skip
EDGES = {name: name for name in ("success_nodes", "failure_nodes", "always_nodes")}


class WorkflowJobListSerializer(UnifiedJobSerializer):
    webhook_service = serializers.ChoiceField(choices=SERVICES, read_only=True, allow_blank=True)
    extra_vars = serializers.SerializerMethodField()

    sublists = {
        name: name for name in ("workflow_nodes", "labels", "relaunch", "cancel", "notifications")
    }
    linked = (
        "organization", "unified_job_template", "workflow_job_template", "job_template",
        "inventory", "webhook_credential",
    )  # fmt: skip
    summarized = (
        "organization", "inventory", "workflow_job_template", "job_template",
        "unified_job_template", "webhook_credential",
    )  # fmt: skip
    prefetched = ("labels",)
    hints = {
        **UnifiedJobSerializer.hints,
        "extra_vars": {"type": "json"},
    }

    class Meta:
        model = WorkflowJob
        fields: Any = FIELDS
        read_only_fields = FIELDS

    def get_extra_vars(self, row: Any) -> str:
        return shown_variables(row)

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if row is not None:
            if row.inventory is not None:
                found["inventory"] |= inventory_extras(self, row)
            found["labels"] = label_summaries(row)
        return found


class WorkflowJobSerializer(WorkflowJobListSerializer):
    class Meta(WorkflowJobListSerializer.Meta):
        fields: Any = (*FIELDS, *(d for d in DETAIL if d != "event_processing_finished"))
        read_only_fields = fields


class WorkflowJobList(ListView):
    model = WorkflowJob
    serializer_class = WorkflowJobListSerializer


class WorkflowJobDetail(DeleteJob, ReadView):
    model = WorkflowJob
    serializer_class = WorkflowJobSerializer


class WorkflowJobTemplateJobsList(SubListView):
    model = WorkflowJob
    serializer_class = WorkflowJobListSerializer
    parent_model = WorkflowJobTemplate
    relationship = "workflow_jobs"


class JobTemplateSliceWorkflowJobsList(SubListView):
    model = WorkflowJob
    serializer_class = WorkflowJobListSerializer
    parent_model = JobTemplate
    relationship = "slice_workflow_jobs"

    def post(self, request: Request, **kwargs: Any) -> Response:
        """Nobody may, as in AWX: a launch makes them."""
        raise PermissionDenied


class WorkflowJobCancel(UnifiedJobCancel):
    model = WorkflowJob
    serializer_class = WorkflowJobSerializer


class WorkflowRelaunchSerializer(serializers.Serializer[Any]):
    """AWX's takes nothing."""

    from_failed = serializers.BooleanField(
        required=False, default=False, write_only=True,
        help_text="Go on with the nodes of this run that did not succeed.",
    )  # fmt: skip


class WorkflowJobRelaunch(NounView):
    model = WorkflowJob
    serializer_class = WorkflowRelaunchSerializer
    post_verb = "start"

    def get_queryset(self) -> QuerySet[Any]:
        return WorkflowJob.objects.select_related("workflow_job_template", "inventory")

    def get(self, request: Request, **kwargs: Any) -> Response:
        self.get_object()
        return Response({})

    def post(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        asked = self.get_serializer(data=body_of(request))
        asked.is_valid(raise_exception=True)
        some = asked.validated_data["from_failed"]
        again = relaunch_workflow(job, user=person_of(request), from_failed=some)
        row = WorkflowJobSerializer.tune(WorkflowJob.objects.all()).get(pk=again.pk)
        shown = WorkflowJobSerializer(row, context=self.get_serializer_context()).data
        return Response(shown, 201, headers={"Location": url_of(row)})


class NodeSerializer(LaunchConfigSerializer):
    """What nodes of templates and of runs show alike."""

    success_nodes: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True)
    failure_nodes: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True)
    always_nodes: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True)

    prefetched = tuple(EDGES)
    selected: ClassVar[tuple[str, ...]] = ("unified_job_template__as_workflow_approval_template",)
    hints = {
        **LaunchConfigSerializer.hints, **{name: {"type": "field"} for name in EDGES},
    }  # fmt: skip

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        template = row.unified_job_template if row is not None else None
        if template is not None and template.kind == "workflow_approval_template":
            timeout = template.as_workflow_approval_template.timeout
            found["unified_job_template"]["timeout"] = timeout
        return found


class WorkflowJobNodeSerializer(NodeSerializer):
    gantry = serializers.SerializerMethodField()

    sublists = {
        "labels": "labels", "credentials": "credentials", "instance_groups": "instance_groups",
        **EDGES,
    }  # fmt: skip
    linked = ("unified_job_template", "job", "workflow_job", "inventory", "execution_environment")
    summarized = (
        "job", "workflow_job", "unified_job_template", "inventory", "execution_environment",
    )  # fmt: skip
    selected = (*NodeSerializer.selected, "job__as_workflow_approval")

    class Meta:
        model = WorkflowJobNode
        fields = (
            *(name for name in BASE if name not in ("name", "description")), *SAVED, "job",
            "workflow_job", "unified_job_template", *EDGES, "all_parents_must_converge",
            "do_not_run", "identifier", "gantry",
        )  # fmt: skip
        read_only_fields = fields

    def get_gantry(self, row: Any) -> dict[str, Any]:
        """`kept_job`: the job of an earlier run that stands for this node's."""
        return {"kept_job": row.kept_job_id}

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if row.job is not None:
            found["job"] = summary(row.job, SUMMARIES["job"])
            if row.job.kind == "workflow_approval":
                found["job"]["timed_out"] = row.job.as_workflow_approval.timed_out
        return found


class WorkflowJobNodeList(ListView):
    model = WorkflowJobNode
    serializer_class = WorkflowJobNodeSerializer


class WorkflowJobNodeDetail(ReadView):
    model = WorkflowJobNode
    serializer_class = WorkflowJobNodeSerializer


class WorkflowJobWorkflowNodesList(SubListView):
    model = WorkflowJobNode
    serializer_class = WorkflowJobNodeSerializer
    parent_model = WorkflowJob
    relationship = "workflow_job_nodes"
    ordering = ("id",)


class WorkflowJobNodeCredentialsList(SubListView):
    model = Credential
    serializer_class = CredentialSerializer
    parent_model = WorkflowJobNode
    relationship = "credentials"

    def children(self, parent: Any) -> QuerySet[Any]:
        return Credential.objects.filter(pk__in=parent.credentials.values("pk"))


def next_nodes(edge: str) -> type[SubListView]:
    """The nodes of a run that follow one over an edge."""
    return type(
        f"WorkflowJobNode{edge.title().replace('_', '')}List", (SubListView,),
        {"model": WorkflowJobNode, "serializer_class": WorkflowJobNodeSerializer,
         "parent_model": WorkflowJobNode, "relationship": edge, "__module__": __name__},
    )  # fmt: skip
