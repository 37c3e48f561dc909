"""/api/v2/bulk/job_launch/: many jobs by one request, as the nodes of one workflow job.
AWX: BulkJobLaunchSerializer, BulkJobNodeSerializer."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.bulk import LARGEST
from gantry.api.launch_configs import SAVED, LaunchConfigSerializer
from gantry.api.names import url_of
from gantry.api.shape import AwxSerializer
from gantry.api.views import NounView, body_of, person_of
from gantry.api.workflow_jobs import WorkflowJobSerializer
from gantry.base.config import settings
from gantry.base.errors import InvalidInput
from gantry.path.bulk import launch_bulk
from gantry.path.saved_prompts import whole
from gantry.path.workflow_nodes import Wanted
from gantry.resources import access
from gantry.resources.models import (
    Credential,
    ExecutionEnvironment,
    InstanceGroup,
    Inventory,
    InventorySource,
    JobTemplate,
    Label,
    Organization,
    Project,
    UnifiedJobTemplate,
    WorkflowJob,
    WorkflowJobNode,
    WorkflowJobTemplate,
)
from gantry.resources.surveys import password_variables
from gantry.resources.variables import parse_variables
from gantry.resources.workflows import new_identifier

# What may be launched so, and what it takes; in the order in which AWX asks.
STARTED: dict[str, tuple[type[Model], str]] = {
    "job_template": (JobTemplate, "start"),
    "project": (Project, "update"),
    "inventory_source": (InventorySource, "update"),
    "workflow_job_template": (WorkflowJobTemplate, "start"),
}
USED: dict[str, tuple[type[Model], str]] = {
    "inventory": (Inventory, "use"),
    "credentials": (Credential, "use"),
    "labels": (Label, "read"),
    "instance_groups": (InstanceGroup, "read"),
    "execution_environment": (ExecutionEnvironment, "read"),
}
LISTS = ("credentials", "labels", "instance_groups")
MANY = "User has permission to multiple Organizations, please set one of them in the request"
NONE = "User not part of any organization, please assign an organization to assign to the bulk job"


def _ids() -> serializers.ListField:
    return serializers.ListField(child=serializers.IntegerField(min_value=1), required=False)


class BulkNodeSerializer(LaunchConfigSerializer):
    """Rows as ids: they are looked up for all nodes together."""

    unified_job_template = serializers.IntegerField(
        min_value=1,
        help_text="Primary key of the template for this job, can be a job template or inventory "
        "source.",
    )
    inventory = serializers.IntegerField(required=False, min_value=1)
    execution_environment = serializers.IntegerField(required=False, min_value=1)
    credentials = _ids()
    labels = _ids()
    instance_groups = _ids()
    identifier = serializers.CharField(required=False, allow_blank=True, max_length=512)

    used: ClassVar[dict[str, str]] = {}

    class Meta:
        model = WorkflowJobNode
        fields = (
            *SAVED, "unified_job_template", "credentials", "labels", "instance_groups",
            "identifier", "all_parents_must_converge",
        )  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return attrs


def _text(**more: Any) -> serializers.CharField:
    return serializers.CharField(write_only=True, required=False, allow_blank=False, **more)


class BulkJobLaunchSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(
        default="Bulk Job Launch", max_length=512, write_only=True, required=False, allow_blank=True
    )
    jobs = serializers.ListField(
        child=BulkNodeSerializer(), allow_empty=False, write_only=True, max_length=LARGEST,
        help_text='List of jobs to be launched, JSON. e.g. [{"unified_job_template": 7}, '
        '{"unified_job_template": 10}]',
    )  # fmt: skip
    description = _text()
    extra_vars = serializers.JSONField(write_only=True, required=False)
    organization = serializers.PrimaryKeyRelatedField(
        queryset=Organization.objects.all(), required=False, default=None, allow_null=True,
        write_only=True,
        help_text="Inherit permissions from this organization. If not provided, a organization the "
        "user is a member of will be selected automatically.",
    )  # fmt: skip
    inventory = serializers.PrimaryKeyRelatedField(
        queryset=Inventory.objects.all(), required=False, write_only=True
    )
    limit = _text()
    scm_branch = _text()
    skip_tags = _text()
    job_tags = _text()

    def validate_extra_vars(self, value: Any) -> dict[str, Any]:
        try:
            return parse_variables(value, field="extra_vars")
        except InvalidInput as error:
            raise serializers.ValidationError(str(error)) from error

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        jobs = attrs["jobs"]
        if len(jobs) > settings().bulk_job_max_launch:
            raise serializers.ValidationError(
                "Number of requested jobs exceeds system setting BULK_JOB_MAX_LAUNCH"
            )
        _name_each(jobs)
        user = self.context["request"].user
        templates = _templates(user, {job["unified_job_template"] for job in jobs})
        attrs["organization"] = _organization(user, attrs["organization"])
        rows = {name: _used(user, name, attrs) for name in USED}
        attrs["nodes"] = [_wanted(job, templates, rows) for job in jobs]
        return attrs


def _name_each(jobs: list[dict[str, Any]]) -> None:
    seen = set()
    for job in jobs:
        given = job.setdefault("identifier", new_identifier())
        if given in seen:
            raise serializers.ValidationError(f"Identifier {given} not unique")
        seen.add(given)


def _templates(user: Any, wanted: set[int]) -> dict[int, UnifiedJobTemplate]:
    found = UnifiedJobTemplate.objects.in_bulk(wanted)
    others = {row.kind for row in found.values()} - STARTED.keys()
    if others:
        names = " ".join(kind.replace("_", " ").title() for kind in sorted(others))
        raise serializers.ValidationError(f"Template types {names} not allowed in bulk jobs")
    for kind, (model, verb) in STARTED.items():
        _check(user, model, verb, {pk for pk, row in found.items() if row.kind == kind})
    _refuse(UnifiedJobTemplate, wanted - found.keys())
    return found


def _used(user: Any, name: str, attrs: dict[str, Any]) -> dict[int, Any]:
    model, verb = USED[name]
    given = [job[name] for job in attrs["jobs"] if name in job]
    wanted = {pk for pks in given for pk in pks} if name in LISTS else set(given)
    own = attrs["inventory"].pk if name == "inventory" and "inventory" in attrs else None
    _check(user, model, verb, wanted | ({own} if own else set()))
    return dict(model._default_manager.in_bulk(wanted))


def _check(user: Any, model: type[Model], verb: str, wanted: set[int]) -> None:
    if wanted:
        rows: QuerySet[Any] = model._default_manager.filter(pk__in=wanted)
        allowed = access.within(user, verb, rows).values_list("pk", flat=True)
        _refuse(model, wanted - set(allowed))


def _refuse(model: type[Model], missing: set[int]) -> None:
    if not missing:
        return
    title = str(model._meta.verbose_name_plural).title()
    ids = ", ".join(str(pk) for pk in sorted(missing))
    raise serializers.ValidationError(
        f"{title} {{{ids}}} not found or you don't have permissions to access it"
    )


def _organization(user: Any, given: Organization | None) -> Organization | None:
    if user.is_superuser:
        return given
    own = list(access.holding(user, "member_role", Organization.objects.order_by("pk")))
    if given is None:
        if len(own) != 1:
            raise serializers.ValidationError(MANY if own else NONE)
        return own[0]
    if given not in own:
        raise serializers.ValidationError(
            f"Organization {given.pk} not found or you don't have permissions to access it"
        )
    return given


def _wanted(
    job: dict[str, Any], templates: dict[int, UnifiedJobTemplate], rows: dict[str, dict[int, Any]]
) -> Wanted:
    template = templates[job["unified_job_template"]]
    prompts: dict[str, Any] = {}
    for name, value in job.items():
        if name in LISTS:
            prompts[name] = [rows[name][pk] for pk in dict.fromkeys(value)]
        elif name in rows:
            prompts[name] = rows[name][value]
        elif name == "extra_data":
            prompts["extra_vars"] = value
        else:
            prompts[name] = value
    row = whole(template)
    surveyed = isinstance(row, JobTemplate | WorkflowJobTemplate)
    secret = frozenset(password_variables(row)) if surveyed else frozenset()
    return Wanted(
        template, prompts, secret, job["identifier"], job["all_parents_must_converge"]
    )  # fmt: skip


class BulkJobLaunch(NounView):
    name = "Bulk Job Launch"
    model = WorkflowJob
    serializer_class = BulkJobLaunchSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(
            {"detail": "Specify a list of unified job templates to launch alongside their "
             "launchtime parameters"}
        )  # fmt: skip

    def post(self, request: Request, **kwargs: Any) -> Response:
        asked = self.get_serializer(data=body_of(request))
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        names = ("inventory", "extra_vars", "limit", "scm_branch", "skip_tags", "job_tags")
        job = launch_bulk(
            given["nodes"], user=person_of(request), name=given["name"],
            description=given.get("description", ""), organization=given["organization"],
            prompts={name: given[name] for name in names if name in given},
        )  # fmt: skip
        row = WorkflowJobSerializer.tune(WorkflowJob.objects.all()).get(pk=job.pk)
        shown: AwxSerializer = WorkflowJobSerializer(row, context=self.get_serializer_context())
        return Response(shown.data, 201, headers={"Location": url_of(row)})
