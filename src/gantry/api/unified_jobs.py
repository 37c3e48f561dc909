"""/api/v2/unified_jobs/: all jobs whatever they run, each in its own shape."""

from __future__ import annotations

from gantry.api.environment_builds import EnvironmentBuildListSerializer
from gantry.api.jobs import JobListSerializer
from gantry.api.mixed import MixedListView
from gantry.api.project_updates import ProjectUpdateListSerializer
from gantry.api.unified import COMMON, UnifiedJobSerializer
from gantry.resources.models import UnifiedJob


class UnifiedJobListSerializer(UnifiedJobSerializer):
    class Meta:
        model = UnifiedJob
        fields = (*COMMON, "controller_node")
        read_only_fields = fields


class UnifiedJobList(MixedListView):
    model = UnifiedJob
    serializer_class = UnifiedJobListSerializer
    kinds = {
        "job": JobListSerializer, "project_update": ProjectUpdateListSerializer,
        "environment_build": EnvironmentBuildListSerializer,
    }  # fmt: skip
    types = ("project_update", "job")  # AWX's own, which its clients choose by
