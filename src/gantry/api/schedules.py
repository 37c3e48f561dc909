"""/api/v2/schedules/: when templates are launched by themselves. AWX: ScheduleSerializer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from itertools import islice
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.inventory_counts import counts_of
from gantry.api.launch_configs import SAVED, ConfigCredentialsList, LaunchConfigSerializer
from gantry.api.names import url_of
from gantry.api.shape import BASE, SUMMARIES, summary
from gantry.api.unified_jobs import JobsView
from gantry.api.views import (
    AwxView,
    DetailView,
    ListCreateView,
    SubListCreateView,
    SubListView,
    body_of,
)
from gantry.resources import access
from gantry.resources.models import Schedule, UnifiedJob
from gantry.resources.recurrence import Recurrence, refusals, zone_links, zones
from gantry.resources.schedules import MISSED_RUNS

PREVIEWED = 10
# What an inventory source must not be, to be updated by a schedule.
NO_CLOUD = ("", "file", "constructed")


class RuleField(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        wrong = refusals(text)
        if wrong:
            raise serializers.ValidationError(wrong)
        return text


class ScheduleSerializer(LaunchConfigSerializer):
    rrule = RuleField(help_text="A value representing the schedules iCal recurrence rule.")
    timezone = serializers.SerializerMethodField(
        help_text="The timezone this schedule runs in. This field is extracted from the RRULE. If "
        "the timezone in the RRULE is a link to another timezone, the link will be reflected in "
        "this field."
    )
    until = serializers.SerializerMethodField(
        help_text="The date this schedule will end. This field is computed from the RRULE. If the "
        "schedule does not end an empty string will be returned"
    )
    gantry = serializers.SerializerMethodField()

    sublists = {
        "labels": "labels", "credentials": "credentials", "instance_groups": "instance_groups",
        "unified_jobs": "jobs",
    }  # fmt: skip
    linked = ("unified_job_template", "inventory", "execution_environment")
    summarized = ("unified_job_template", "inventory", "execution_environment")
    selected = (
        "unified_job_template__as_job_template__project",
        "unified_job_template__as_job_template__inventory",
        "unified_job_template__as_system_job_template",
    )
    capabilities = {"edit": "change", "delete": "delete"}

    class Meta:
        model = Schedule
        fields = (
            "rrule", *BASE, *SAVED, "unified_job_template", "enabled", "dtstart", "dtend",
            "next_run", "timezone", "until", "gantry",
        )  # fmt: skip

    def get_timezone(self, row: Any) -> str:
        return _read(row, "timezone")

    def get_until(self, row: Any) -> str:
        return _read(row, "until")

    def get_gantry(self, row: Any) -> dict[str, Any]:
        return {"missed_runs": row.missed_runs, "missed": row.missed, "problem": row.problem}

    def get_related(self, row: Any) -> dict[str, Any]:
        links = super().get_related(row)
        template = _job_template(row)
        if template is not None and template.project_id:
            links["project"] = url_of(template.project)
        if "inventory" not in links and template is not None and template.inventory_id:
            links["inventory"] = url_of(template.inventory)
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        template = row.unified_job_template
        if template.kind == "system_job_template":
            kind = template.as_system_job_template.job_type
            found["unified_job_template"]["job_type"] = kind
        own = _job_template(row)
        inventory = row.inventory or (own.inventory if own is not None else None)
        if inventory is not None:
            found["inventory"] = {
                **summary(inventory, SUMMARIES["inventory"]),
                **self.once("inventories", _counts)[inventory.pk],
                "organization_id": inventory.organization_id, "kind": inventory.kind,
            }  # fmt: skip
        return found

    def validate_unified_job_template(self, value: Any) -> Any:
        if value.kind == "project" and not value.as_project.scm_type:
            raise serializers.ValidationError("Manual Project cannot have a schedule set.")
        if value.kind == "inventory_source" and value.as_inventory_source.source in NO_CLOUD:
            raise serializers.ValidationError("Inventory Source must be a cloud resource.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = self.initial_data.get("gantry") or {}
        policy = given.get("missed_runs") if isinstance(given, dict) else None
        if policy is not None:
            if policy not in dict(MISSED_RUNS):
                raise serializers.ValidationError(
                    {"gantry": [f'missed_runs: "{policy}" is not a valid choice.']}
                )
            attrs["missed_runs"] = policy
        if attrs == {"enabled": False}:
            return attrs  # whatever is wrong with it: it may always be stopped
        return super().validate(attrs)


def _counts(page: list[Any]) -> dict[int, dict[str, Any]]:
    templates = [t for t in map(_job_template, page) if t is not None]
    found = {r.inventory_id for r in (*page, *templates)}
    return counts_of(pk for pk in found if pk is not None)


def _read(row: Any, what: str) -> str:
    try:
        return str(getattr(Recurrence(row.rrule), what))
    except ValueError:
        return ""


def _job_template(row: Any) -> Any:
    template = row.unified_job_template
    return template.as_job_template if template.kind == "job_template" else None


class ScheduleList(ListCreateView):
    name = "Schedules"
    model = Schedule
    serializer_class = ScheduleSerializer
    ordering = ("id",)


class ScheduleDetail(DetailView):
    model = Schedule
    serializer_class = ScheduleSerializer

    def check_change(self, row: Any, attrs: Mapping[str, Any]) -> None:
        template = attrs.get("unified_job_template")
        if template is not None and template != row.unified_job_template:
            moved = Schedule(unified_job_template=template, created_by=row.created_by)
            if not access.may(self.request.user, "change", moved):
                raise PermissionDenied


class TemplateSchedulesList(SubListCreateView):
    """The schedules of one template; subclassed for each kind of template."""

    model = Schedule
    serializer_class = ScheduleSerializer
    relationship = "schedules"
    parent_key = "unified_job_template"


def schedules_of(parent: type[Any], name: str) -> type[TemplateSchedulesList]:
    return type(
        f"{parent.__name__}SchedulesList",
        (TemplateSchedulesList,),
        {"parent_model": parent, "name": f"{name} Schedules", "__module__": __name__},
    )


class ScheduleJobsList(SubListView, JobsView):
    name = "Schedule Jobs List"
    model = UnifiedJob
    parent_model = Schedule
    relationship = "unifiedjobs"


class ScheduleCredentialsList(ConfigCredentialsList):
    parent_model = Schedule


class PreviewSerializer(serializers.Serializer[Any]):
    rrule = RuleField()


class SchedulePreview(AwxView, GenericAPIView[Any]):
    """POST a rule: its next ten occurrences, in its own time and in UTC."""

    name = "Schedule Recurrence Rule Preview"
    serializer_class = PreviewSerializer

    def post(self, request: Request, **kwargs: Any) -> Response:
        asked = PreviewSerializer(data=body_of(request))
        asked.is_valid(raise_exception=True)
        now = timezone.now()
        rule = Recurrence(asked.validated_data["rrule"])
        found = list(islice((f for f in rule.since(now) if f > now), PREVIEWED))
        return Response({"local": found, "utc": [f.astimezone(UTC) for f in found]})


class ScheduleZoneInfo(AwxView):
    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response({"zones": zones(), "links": zone_links()})
