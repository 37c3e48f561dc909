"""/api/v2/project_updates/: the syncs of projects."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from gantry.api.delete_job import DeleteJob
from gantry.api.unified import COMMON, DETAIL, UnifiedJobCancel, UnifiedJobSerializer
from gantry.api.views import ListView, ReadView
from gantry.resources.base import JOB_TYPES
from gantry.resources.models import ProjectUpdate

FIELDS = (
    *COMMON, "local_path", "scm_type", "scm_url", "scm_branch", "scm_refspec", "scm_clean",
    "scm_track_submodules", "scm_delete_on_update", "credential", "timeout", "scm_revision",
    "project", "job_type", "job_tags",
)  # fmt: skip


class ProjectUpdateListSerializer(UnifiedJobSerializer):
    job_type = serializers.ChoiceField(choices=JOB_TYPES, read_only=True)

    sublists = {
        name: name
        for name in ("stdout", "cancel", "events", "scm_inventory_updates", "notifications")
    }
    linked = (
        "unified_job_template", "execution_environment", "project", "credential",
    )  # fmt: skip
    summarized = (
        "organization", "execution_environment", "project", "unified_job_template", "credential",
        "instance_group",
    )  # fmt: skip
    selected = ("credential__credential_type",)

    class Meta:
        model = ProjectUpdate
        fields: Any = FIELDS
        read_only_fields = FIELDS
        extra_kwargs = {
            "scm_type": {"label": "SCM Type"},
            "scm_url": {"label": "SCM URL"},
            "scm_branch": {"label": "SCM Branch"},
            "scm_refspec": {"label": "SCM refspec"},
            "scm_revision": {"label": "SCM Revision"},
        }


class ProjectUpdateSerializer(ProjectUpdateListSerializer):
    host_status_counts = serializers.SerializerMethodField()
    playbook_counts = serializers.SerializerMethodField()

    class Meta(ProjectUpdateListSerializer.Meta):
        fields: Any = (*FIELDS, *DETAIL, "host_status_counts", "playbook_counts")
        read_only_fields = fields

    def get_host_status_counts(self, row: Any) -> dict[str, int]:
        return {}

    def get_playbook_counts(self, row: Any) -> dict[str, int]:
        return {"play_count": 0, "task_count": 0}


class ProjectUpdateList(ListView):
    model = ProjectUpdate
    serializer_class = ProjectUpdateListSerializer


class ProjectUpdateDetail(DeleteJob, ReadView):
    model = ProjectUpdate
    serializer_class = ProjectUpdateSerializer


class ProjectUpdateCancel(UnifiedJobCancel):
    model = ProjectUpdate
    serializer_class = ProjectUpdateSerializer
