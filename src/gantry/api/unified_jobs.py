"""/api/v2/unified_jobs/: all jobs whatever they run, each in its own shape."""

from __future__ import annotations

from gantry.api.ad_hoc_commands import AdHocCommandListSerializer
from gantry.api.environment_builds import EnvironmentBuildListSerializer
from gantry.api.inventory_updates import InventoryUpdateListSerializer
from gantry.api.jobs import JobListSerializer
from gantry.api.mixed import MixedListView
from gantry.api.project_updates import ProjectUpdateListSerializer
from gantry.api.system_jobs import SystemJobListSerializer
from gantry.api.unified import COMMON, UnifiedJobSerializer
from gantry.api.workflow_approvals import WorkflowApprovalListSerializer
from gantry.api.workflow_jobs import WorkflowJobListSerializer
from gantry.resources.models import UnifiedJob


class UnifiedJobListSerializer(UnifiedJobSerializer):
    class Meta:
        model = UnifiedJob
        fields = (*COMMON, "controller_node")
        read_only_fields = fields


class JobsView(MixedListView):
    serializer_class = UnifiedJobListSerializer
    kinds = {
        "job": JobListSerializer, "project_update": ProjectUpdateListSerializer,
        "inventory_update": InventoryUpdateListSerializer,
        "ad_hoc_command": AdHocCommandListSerializer,
        "environment_build": EnvironmentBuildListSerializer,
        "system_job": SystemJobListSerializer,
        "workflow_job": WorkflowJobListSerializer,
        "workflow_approval": WorkflowApprovalListSerializer,
    }  # fmt: skip
    # AWX's own, which its clients choose by
    types = (
        "project_update", "inventory_update", "job", "ad_hoc_command", "system_job",
        "workflow_job",
    )  # fmt: skip


class UnifiedJobList(JobsView):
    model = UnifiedJob
