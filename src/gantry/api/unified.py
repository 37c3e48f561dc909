"""What all jobs show alike, whatever they run: AWX's UnifiedJobSerializer, cancel, and `gantry`."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from rest_framework import serializers
from rest_framework.exceptions import MethodNotAllowed, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.names import url_of
from gantry.api.shape import BASE, SUMMARIES, AwxSerializer, summary
from gantry.api.views import NounView, person_of
from gantry.path.launch import NotCancelable, cancel_job
from gantry.resources import access

COMMON = (
    *BASE, "unified_job_template", "launch_type", "status", "execution_environment", "failed",
    "started", "finished", "canceled_on", "elapsed", "job_explanation", "execution_node",
    "launched_by", "work_unit_id", "gantry",
)  # fmt: skip
# What AWX shows of one job but not of a page of them.
DETAIL = ("job_args", "job_cwd", "job_env", "result_traceback", "event_processing_finished")


def workflow_of(row: Any) -> Any:
    """The run of a workflow at one of whose nodes this job was started."""
    if row is None or row.launch_type != "workflow":
        return None
    try:
        return row.unified_job_node.workflow_job
    except ObjectDoesNotExist:
        return None


class UnifiedJobSerializer(AwxSerializer):
    elapsed = serializers.SerializerMethodField()
    launched_by = serializers.SerializerMethodField()
    work_unit_id = serializers.SerializerMethodField()
    event_processing_finished = serializers.BooleanField(read_only=True)
    gantry = serializers.SerializerMethodField()

    linked: ClassVar[tuple[str, ...]] = (
        "organization",
        "unified_job_template",
        "execution_environment",
    )
    summarized: ClassVar[tuple[str, ...]] = (
        "organization",
        "execution_environment",
        "unified_job_template",
    )
    capabilities = {"delete": "delete", "start": "start"}
    hints = {
        "elapsed": {"type": "decimal", "filterable": True},
        "work_unit_id": {"type": "string"},
        "unified_job_template": {"label": "unified job template"},
        "job_env": {"label": "job_env"},
    }

    def get_elapsed(self, row: Any) -> float:
        return row.seconds()  # type: ignore[no-any-return]

    @classmethod
    def tune(cls, queryset: Any) -> Any:
        return super().tune(queryset.select_related("schedule", "unified_job_node__workflow_job"))

    def get_related(self, row: Any) -> dict[str, Any]:
        links = super().get_related(row)
        if row is not None and row.schedule_id is not None:
            links["schedule"] = url_of(row.schedule)
        workflow = workflow_of(row)
        if workflow is not None:
            links["source_workflow_job"] = url_of(workflow)
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if row is not None and row.schedule_id is not None:
            found["schedule"] = summary(row.schedule, SUMMARIES["schedule"])
        workflow = workflow_of(row)
        if workflow is not None:
            found["source_workflow_job"] = summary(workflow, SUMMARIES["job"])
        return found

    def get_launched_by(self, row: Any) -> dict[str, Any]:
        if row.launch_type == "scheduled" and row.schedule is not None:
            schedule = row.schedule
            return {
                "id": schedule.pk, "name": schedule.name, "type": "schedule",
                "url": url_of(schedule),
            }  # fmt: skip
        if row.created_by is None:
            return {}
        return {
            "id": row.created_by.pk,
            "name": row.created_by.username,
            "type": "user",
            "url": url_of(row.created_by),
        }

    def get_work_unit_id(self, row: Any) -> str | None:
        return row.pod_name or None

    def get_gantry(self, row: Any) -> dict[str, Any]:
        """What AWX does not record: what ran, why, how it went, and that it is gone."""
        return {
            "stage": row.stage,
            "stage_times": row.stage_times,
            "waiting_for": row.waiting_for,
            "ee_name": row.ee_name,
            "ee_image": row.ee_image,
            "ee_wanted_digest": row.ee_wanted_digest,
            "ee_digest": row.ee_digest,
            "ee_platform": row.ee_platform,
            "ee_reason": row.ee_reason,
            "ee_warning": row.ee_warning,
            "ee_signature": row.ee_signature,
            "pull_progress": row.pull_progress,
            "failure_class": row.failure_class,
            "failure_cure": row.failure_cure,
            "evidence": row.evidence,
            "cleanup": row.cleanup,
        }


class UnifiedJobCancel(NounView):
    """GET says whether, POST asks for the end: 202, or 405 when the job is over."""

    def get_queryset(self) -> Any:
        return self.model._default_manager.all()

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        verb = "read" if request.method == "GET" else "cancel"
        if not access.may(request.user, verb, obj):
            raise PermissionDenied

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response({"can_cancel": self.get_object().active})

    def post(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        try:
            cancel_job(job, user=person_of(request))
        except NotCancelable as error:
            raise MethodNotAllowed("POST") from error
        return Response(status=202)


def passwords_of(given: dict[str, Any]) -> dict[str, str]:
    """AWX takes them under credential_passwords, and of old at the top."""
    nested = given.get("credential_passwords")
    source = nested if isinstance(nested, dict) and nested else given
    return {k: v for k, v in source.items() if isinstance(v, str)}
