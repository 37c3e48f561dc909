"""/api/v2/jobs/: runs of playbooks. Their events, output and host results are in modules beside."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.credentials import CredentialSerializer
from gantry.api.delete_job import DeleteJob
from gantry.api.inventory_counts import inventory_extras
from gantry.api.job_templates import (
    OPTIONS,
    credential_summaries,
    with_credentials,
)
from gantry.api.labels import label_summaries
from gantry.api.names import url_of
from gantry.api.unified import (
    COMMON,
    DETAIL,
    UnifiedJobCancel,
    UnifiedJobSerializer,
    passwords_of,
)
from gantry.api.views import ListView, NounView, ReadView, SubListView, body_of, person_of
from gantry.base.errors import InvalidInput
from gantry.path.launch import passwords_needed, relaunch_job
from gantry.path.repeat import why_not_exactly
from gantry.resources import access
from gantry.resources.base import JOB_TYPES
from gantry.resources.models import Credential, Job, JobEvent, JobTemplate
from gantry.resources.surveys import shown_variables
from gantry.resources.webhooks import SERVICES

FIELDS = (
    *COMMON, *OPTIONS, "controller_node", "job_template", "passwords_needed_to_start",
    "allow_simultaneous", "artifacts", "scm_revision", "instance_group", "diff_mode",
    "job_slice_number", "job_slice_count", "webhook_service", "webhook_credential", "webhook_guid",
)  # fmt: skip
COUNTS = ("skipped", "ok", "changed", "failures", "dark")  # the last one that is not 0 wins


class JobListSerializer(UnifiedJobSerializer):
    passwords_needed_to_start = serializers.SerializerMethodField()
    webhook_service = serializers.ChoiceField(choices=SERVICES, read_only=True, allow_blank=True)
    extra_vars = serializers.SerializerMethodField()
    job_type = serializers.ChoiceField(choices=[*JOB_TYPES, ("scan", "Scan")], read_only=True)

    sublists = {
        name: name
        for name in (
            "credentials", "stdout", "job_events", "job_host_summaries", "cancel", "relaunch",
            "labels", "notifications",
        )
    }  # fmt: skip
    linked = (
        "inventory", "project", "organization", "unified_job_template", "execution_environment",
        "job_template", "project_update", "webhook_credential",
    )  # fmt: skip
    summarized = (
        "organization", "inventory", "execution_environment", "project", "job_template",
        "unified_job_template", "project_update", "instance_group", "webhook_credential",
    )  # fmt: skip
    prefetched = (with_credentials(Job), "labels")
    hints = {
        **UnifiedJobSerializer.hints,
        "extra_vars": {"type": "json"},
        "instance_group": {"type": "id"},
        "host_status_counts": {"type": "json"},
    }

    class Meta:
        model = Job
        fields: Any = FIELDS
        read_only_fields = FIELDS
        extra_kwargs = {"scm_revision": {"label": "SCM Revision"}}

    def get_gantry(self, row: Any) -> dict[str, Any]:
        return {**super().get_gantry(row), "repeats": row.repeats_id}

    def get_extra_vars(self, row: Any) -> str:
        return shown_variables(row)

    def get_passwords_needed_to_start(self, row: Any) -> list[str]:
        return passwords_needed(list(row.credentials.all()))

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if row.inventory is not None:
            found["inventory"] |= inventory_extras(self, row)
        found["labels"] = label_summaries(row)
        found["credentials"] = credential_summaries(row)
        return found


class JobSerializer(JobListSerializer):
    class Meta(JobListSerializer.Meta):
        fields: Any = (*FIELDS, *DETAIL)
        read_only_fields = fields


class JobDetailSerializer(JobSerializer):
    host_status_counts = serializers.SerializerMethodField()
    playbook_counts = serializers.SerializerMethodField()
    custom_virtualenv = serializers.CharField(read_only=True)

    class Meta(JobSerializer.Meta):
        fields = (
            *FIELDS, *DETAIL, "host_status_counts", "playbook_counts", "custom_virtualenv",
        )  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: Any) -> dict[str, Any]:
        instance.custom_virtualenv = None
        return super().to_representation(instance)

    def get_gantry(self, row: Any) -> dict[str, Any]:
        return {**super().get_gantry(row), "preflight": row.preflight}

    def get_host_status_counts(self, row: Any) -> dict[str, int]:
        counted = {}
        later = Q(pk__in=[])
        for name in reversed(COUNTS):
            has = Q(**{f"{name}__gt": 0})
            counted[name] = Count("pk", filter=has & ~later)
            later |= has
        found = row.job_host_summaries.aggregate(**{f"n_{k}": v for k, v in counted.items()})
        return {name: found[f"n_{name}"] for name in COUNTS if found[f"n_{name}"]}

    def get_playbook_counts(self, row: Any) -> dict[str, int]:
        # The names are in the index jobevent_step's condition: no other event is read.
        events = JobEvent.objects.filter(
            job_id=row.pk,
            job_created=row.created,
            event__in=("playbook_on_play_start", "playbook_on_task_start"),
        )
        found = events.aggregate(
            play_count=Count("pk", filter=Q(event="playbook_on_play_start")),
            task_count=Count("pk", filter=Q(event="playbook_on_task_start")),
        )
        return dict(found)


class JobList(ListView):
    model = Job
    serializer_class = JobListSerializer


class JobDetail(DeleteJob, ReadView):
    model = Job
    serializer_class = JobDetailSerializer


class JobTemplateJobsList(SubListView):
    model = Job
    serializer_class = JobListSerializer
    parent_model = JobTemplate
    relationship = "jobs"


class JobCancel(UnifiedJobCancel):
    model = Job
    serializer_class = JobSerializer


class RelaunchSerializer(serializers.Serializer[Any]):
    """Names what a relaunch takes, for OPTIONS."""

    hosts = serializers.ChoiceField(
        required=False,
        default="all",
        choices=[("all", "No change to job limit"), ("failed", "All failed and unreachable hosts")],
        write_only=True,
    )
    credential_passwords = serializers.DictField(write_only=True, required=False)
    exactly = serializers.BooleanField(required=False, default=False, write_only=True)
    environment = serializers.ChoiceField(
        required=False, default="same", write_only=True,
        choices=[("same", "The same execution environment, its image as it is now"),
                 ("current", "The execution environment that a new launch would choose"),
                 ("digest", "The very image that the job ran")],
    )  # fmt: skip


class JobRelaunch(NounView):
    model = Job
    serializer_class = RelaunchSerializer

    def get_queryset(self) -> Any:
        return Job.objects.prefetch_related(with_credentials(Job))

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        if not access.may(request.user, "start", obj):
            raise PermissionDenied

    def get(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        counts: Any = "Relaunch by host status not available until job finishes running."
        if not job.active:
            hosts = job.job_host_summaries
            counts = {"all": hosts.count(), "failed": hosts.filter(failed=True).count()}
        needed = passwords_needed(list(job.credentials.all()))
        why_not = why_not_exactly(job)
        exactly = {"possible": not why_not, "why_not": why_not}
        return Response(
            {"passwords_needed_to_start": needed, "retry_counts": counts,
             "gantry": {"exactly": exactly}}
        )  # fmt: skip

    def post(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        hosts = body_of(request).get("hosts") or "all"
        if hosts not in ("all", "failed"):
            raise InvalidInput(f'"{hosts}" is not a valid choice.', field="hosts")
        if hosts == "failed" and job.active:
            raise InvalidInput(
                "Wait until job finishes before retrying on failed hosts.", field="hosts"
            )
        exactly = body_of(request).get("exactly", False)
        if not isinstance(exactly, bool):
            raise InvalidInput("Must be a valid boolean.", field="exactly")
        environment = body_of(request).get("environment", "same")
        if not isinstance(environment, str):
            raise InvalidInput("Not a valid string.", field="environment")
        again = relaunch_job(
            job, user=person_of(request), hosts=hosts, passwords=passwords_of(body_of(request)),
            exactly=exactly, environment=environment,
        )  # fmt: skip
        row = JobSerializer.tune(Job.objects.all()).get(pk=again.pk)
        shown = JobSerializer(row, context=self.get_serializer_context()).data
        return Response({**shown, "job": row.pk}, 201, headers={"Location": url_of(row)})


class JobCredentialsList(SubListView):
    """Read only: what a job was launched with does not change."""

    model = Credential
    serializer_class = CredentialSerializer
    parent_model = Job
    relationship = "credentials"

    def children(self, parent: Any) -> QuerySet[Any]:
        return Credential.objects.filter(pk__in=parent.credentials.values("pk"))
