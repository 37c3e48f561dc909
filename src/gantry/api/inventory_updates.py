"""/api/v2/inventory_updates/: the updates of inventory sources."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from gantry.api.credentials import CredentialSerializer
from gantry.api.delete_job import DeleteJob
from gantry.api.inventory_counts import inventory_extras
from gantry.api.job_events import FIELDS as EVENT_FIELDS
from gantry.api.job_events import JOB_SUMMARY, EventList, JobEventSerializer
from gantry.api.job_templates import credential_summaries, with_credentials
from gantry.api.names import url_of
from gantry.api.shape import SUMMARIES, summary
from gantry.api.stdout import UnifiedJobStdout
from gantry.api.unified import COMMON, DETAIL, UnifiedJobCancel, UnifiedJobSerializer
from gantry.api.views import ListView, ReadView, SubListView
from gantry.resources.models import Credential, InventoryUpdate, ProjectUpdate

OPTIONS = (
    "source", "source_path", "source_vars", "scm_branch", "credential", "enabled_var",
    "enabled_value", "host_filter", "overwrite", "overwrite_vars", "custom_virtualenv", "timeout",
    "verbosity", "limit",
)  # fmt: skip
FIELDS = (
    *COMMON, *OPTIONS, "inventory", "inventory_source", "license_error", "org_host_limit_error",
    "source_project_update", "instance_group", "scm_revision",
)  # fmt: skip
_NOT_OF_EVENTS = {
    "job", "host", "host_name", "parent_uuid", "event_level", "playbook", "play", "task", "role",
}  # fmt: skip


class InventoryUpdateListSerializer(UnifiedJobSerializer):
    credential = serializers.SerializerMethodField()
    custom_virtualenv = serializers.CharField(read_only=True)
    license_error = serializers.BooleanField(read_only=True)
    org_host_limit_error = serializers.BooleanField(read_only=True)
    instance_group = serializers.IntegerField(read_only=True)

    sublists = {"stdout": "stdout", "cancel": "cancel", "events": "events",
                "credentials": "credentials", "notifications": "notifications"}  # fmt: skip
    linked = (
        "unified_job_template", "execution_environment", "inventory", "inventory_source",
        "source_project_update",
    )  # fmt: skip
    summarized = (
        "organization", "execution_environment", "unified_job_template", "inventory",
        "inventory_source",
    )  # fmt: skip
    selected = ("source_project_update__project",)
    prefetched = (with_credentials(InventoryUpdate),)
    hints = {
        **UnifiedJobSerializer.hints,
        "credential": {"type": "id"},
        "instance_group": {"type": "id"},
    }

    class Meta:
        model = InventoryUpdate
        fields: Any = FIELDS
        read_only_fields = FIELDS
        extra_kwargs = {"scm_revision": {"label": "SCM Revision"}}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        # There are neither licences nor limits to fail on, nor virtual environments.
        instance.license_error = instance.org_host_limit_error = False
        instance.custom_virtualenv = instance.instance_group = None
        return super().to_representation(instance)

    def get_credential(self, row: Any) -> int | None:
        found = row.cloud_credential()
        return found.pk if found else None

    def get_gantry(self, row: Any) -> dict[str, Any]:
        return {**super().get_gantry(row), "imported": row.imported}

    def get_related(self, row: Any) -> dict[str, Any]:
        links = super().get_related(row)
        found = row.cloud_credential()
        if found is not None:
            links["credential"] = url_of(found)
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if row.inventory is not None:
            found["inventory"] |= inventory_extras(self, row)
        found["credentials"] = credential_summaries(row)
        own = row.cloud_credential()
        if own is not None:
            found["credential"] = summary(own, SUMMARIES["credential"])
        return found


class InventoryUpdateSerializer(InventoryUpdateListSerializer):
    source_project = serializers.SerializerMethodField(help_text="The project used for this job.")

    class Meta(InventoryUpdateListSerializer.Meta):
        fields: Any = (*FIELDS, *DETAIL, "source_project")
        read_only_fields = fields

    def _project(self, row: Any) -> Any:
        return row.source_project_update.project if row.source_project_update else None

    def get_source_project(self, row: Any) -> int | None:
        project = self._project(row)
        return project.pk if project else None

    def get_related(self, row: Any) -> dict[str, Any]:
        links = super().get_related(row)
        if self._project(row) is not None:
            links["source_project"] = url_of(self._project(row))
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if self._project(row) is not None:
            found["source_project"] = summary(self._project(row), SUMMARIES["project"])
        return found


class InventoryUpdateList(ListView):
    model = InventoryUpdate
    serializer_class = InventoryUpdateListSerializer


class InventoryUpdateDetail(DeleteJob, ReadView):
    model = InventoryUpdate
    serializer_class = InventoryUpdateSerializer


class InventoryUpdateCancel(UnifiedJobCancel):
    model = InventoryUpdate
    serializer_class = InventoryUpdateSerializer


class InventoryUpdateStdout(UnifiedJobStdout):
    model = InventoryUpdate


class InventoryUpdateEventSerializer(JobEventSerializer):
    inventory_update = serializers.IntegerField(source="job_id", read_only=True)

    class Meta(JobEventSerializer.Meta):
        fields: Any = (
            *(f for f in EVENT_FIELDS if f not in _NOT_OF_EVENTS), "inventory_update",
        )  # fmt: skip
        read_only_fields = fields

    def get_type(self, row: Any) -> str:
        return "inventory_update_event"

    def get_url(self, row: Any) -> str:
        return ""  # as in AWX, there is no page for one

    def get_related(self, row: Any) -> dict[str, Any]:
        return {"inventory_update": url_of(self._job(row))}

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        return {"inventory_update": summary(self._job(row), JOB_SUMMARY)}


class InventoryUpdateEventsList(EventList):
    serializer_class = InventoryUpdateEventSerializer

    def job_rows(self) -> QuerySet[Any]:
        return InventoryUpdate.objects.all()


class InventoryUpdateCredentialsList(SubListView):
    model = Credential
    serializer_class = CredentialSerializer
    parent_model = InventoryUpdate
    relationship = "credentials"

    def children(self, parent: Any) -> QuerySet[Any]:
        return Credential.objects.filter(pk__in=parent.credentials.values("pk"))


class ProjectUpdateScmInventoryUpdates(SubListView):
    model = InventoryUpdate
    serializer_class = InventoryUpdateListSerializer
    parent_model = ProjectUpdate
    relationship = "scm_inventory_updates"
