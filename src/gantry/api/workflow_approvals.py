"""/api/v2/workflow_approval_templates/ and /workflow_approvals/: questions at nodes of workflows,
and their answers. AWX: WorkflowApprovalSerializer, WorkflowApprovalApprove."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.delete_job import DeleteJob
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.system_jobs import STATUSES
from gantry.api.unified import COMMON, DETAIL, UnifiedJobSerializer
from gantry.api.views import DetailView, ListView, NounView, ReadView, SubListView, person_of
from gantry.path.workflow import NotWaiting, answer_approval
from gantry.resources import access
from gantry.resources.models import WorkflowApproval, WorkflowApprovalTemplate

_FIELDS = (
    *(name for name in COMMON if name != "execution_node"), "can_approve_or_deny",
    "approval_expiration", "timed_out",
)  # fmt: skip


class WorkflowApprovalTemplateSerializer(AwxSerializer):
    status = serializers.ChoiceField(choices=STATUSES, read_only=True)

    sublists = {"jobs": "approvals"}
    linked = ("current_job", "next_schedule")
    summarized = ("last_job", "current_job")

    class Meta:
        model = WorkflowApprovalTemplate
        fields = (
            *BASE, "last_job_run", "last_job_failed", "next_job_run", "status",
            "execution_environment", "timeout",
        )  # fmt: skip
        read_only_fields = ("execution_environment",)


class WorkflowApprovalTemplateDetail(DetailView):
    model = WorkflowApprovalTemplate
    serializer_class = WorkflowApprovalTemplateSerializer


class WorkflowApprovalListSerializer(UnifiedJobSerializer):
    can_approve_or_deny = serializers.SerializerMethodField()
    approval_expiration = serializers.SerializerMethodField()
    timed_out = serializers.BooleanField(read_only=True)

    sublists = {"approve": "approve", "deny": "deny"}
    linked = (
        "organization", "unified_job_template", "execution_environment",
        "workflow_approval_template", "approved_or_denied_by",
    )  # fmt: skip
    summarized = (
        "organization", "unified_job_template", "workflow_approval_template",
        "approved_or_denied_by",
    )  # fmt: skip
    hints = {
        **UnifiedJobSerializer.hints, "can_approve_or_deny": {"type": "field"},
        "approval_expiration": {"type": "field"}, "timed_out": {"type": "field"},
    }  # fmt: skip

    class Meta:
        model = WorkflowApproval
        fields: Any = _FIELDS
        read_only_fields = _FIELDS

    def get_can_approve_or_deny(self, row: Any) -> bool:
        return row.status == "pending" and self.capable("approve", row)

    def get_approval_expiration(self, row: Any) -> Any:
        return row.expires if row.status == "pending" else None


class WorkflowApprovalSerializer(WorkflowApprovalListSerializer):
    class Meta(WorkflowApprovalListSerializer.Meta):
        fields: Any = (*_FIELDS, *DETAIL)
        read_only_fields = fields


class WorkflowApprovalList(ListView):
    model = WorkflowApproval
    serializer_class = WorkflowApprovalListSerializer


class WorkflowApprovalDetail(DeleteJob, ReadView):
    model = WorkflowApproval
    serializer_class = WorkflowApprovalSerializer


class WorkflowApprovalTemplateApprovalsList(SubListView):
    model = WorkflowApproval
    serializer_class = WorkflowApprovalListSerializer
    parent_model = WorkflowApprovalTemplate
    relationship = "approvals"


class AnswerSerializer(serializers.Serializer[Any]):
    """An answer is the address it is sent to."""


class WorkflowApprovalApprove(NounView):
    model = WorkflowApproval
    serializer_class = AnswerSerializer
    approved = True

    def get_queryset(self) -> QuerySet[Any]:
        return WorkflowApproval.objects.all()

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        if not access.may(request.user, "read", obj):
            raise PermissionDenied

    def get(self, request: Request, **kwargs: Any) -> Response:
        self.get_object()
        return Response({})

    def post(self, request: Request, **kwargs: Any) -> Response:
        approval = self.get_object()
        try:
            answer_approval(approval, user=person_of(request), approved=self.approved)
        except NotWaiting as error:
            return Response({"error": str(error)}, 400)
        return Response(status=204)


class WorkflowApprovalDeny(WorkflowApprovalApprove):
    approved = False
