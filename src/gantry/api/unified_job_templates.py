"""/api/v2/unified_job_templates/: everything that makes jobs, each in its own shape."""

from __future__ import annotations

from rest_framework import serializers

from gantry.api.inventory_sources import InventorySourceSerializer
from gantry.api.job_templates import JobTemplateSerializer
from gantry.api.mixed import MixedListView
from gantry.api.projects import ProjectSerializer
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.system_jobs import SystemJobTemplateSerializer
from gantry.api.workflow_approvals import WorkflowApprovalTemplateSerializer
from gantry.api.workflow_job_templates import WorkflowJobTemplateSerializer
from gantry.resources.base import TEMPLATE_STATUSES
from gantry.resources.models import UnifiedJobTemplate


class UnifiedJobTemplateSerializer(AwxSerializer):
    status = serializers.ChoiceField(choices=TEMPLATE_STATUSES, read_only=True)

    class Meta:
        model = UnifiedJobTemplate
        fields = (
            *BASE, "last_job_run", "last_job_failed", "next_job_run", "status",
            "execution_environment",
        )  # fmt: skip
        read_only_fields = fields


class TemplatesView(MixedListView):
    serializer_class = UnifiedJobTemplateSerializer
    kinds = {
        "project": ProjectSerializer, "inventory_source": InventorySourceSerializer,
        "job_template": JobTemplateSerializer,
        "system_job_template": SystemJobTemplateSerializer,
        "workflow_job_template": WorkflowJobTemplateSerializer,
        "workflow_approval_template": WorkflowApprovalTemplateSerializer,
    }  # fmt: skip
    types = (
        "project", "inventory_source", "job_template", "system_job_template",
        "workflow_job_template",
    )  # fmt: skip


class UnifiedJobTemplateList(TemplatesView):
    model = UnifiedJobTemplate
