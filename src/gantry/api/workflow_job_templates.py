"""/api/v2/workflow_job_templates/: workflows and their launch. AWX:
WorkflowJobTemplateSerializer, WorkflowJobLaunchSerializer."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.fields import VariablesField
from gantry.api.inventory_counts import inventory_extras
from gantry.api.labels import label_summaries
from gantry.api.names import NOTIFIED, url_of
from gantry.api.projects import refuse_taken
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.system_jobs import STATUSES
from gantry.api.views import (
    DetailView,
    ListCreateView,
    NounView,
    SubListCreateView,
    body_of,
    person_of,
)
from gantry.api.webhook_fields import WebhookTemplateFields
from gantry.api.workflow_jobs import WorkflowJobSerializer
from gantry.path.workflow import launch_workflow, workflow_preview
from gantry.resources import access
from gantry.resources.models import (
    Inventory,
    Label,
    Organization,
    WorkflowJob,
    WorkflowJobTemplate,
)
from gantry.resources.workflows import WORKFLOW_PROMPTS

RECENT = 10
SAID = ("limit", "scm_branch", "job_tags", "skip_tags")


def prompt_text() -> Any:
    return serializers.CharField(allow_blank=True, allow_null=True, required=False, default=None)


class WorkflowJobTemplateSerializer(WebhookTemplateFields, AwxSerializer):
    extra_vars = VariablesField(required=False, default="", allow_blank=True)
    status = serializers.ChoiceField(choices=STATUSES, read_only=True)
    limit = prompt_text()
    scm_branch = prompt_text()
    skip_tags = prompt_text()
    job_tags = prompt_text()

    sublists = {
        name: name
        for name in (
            "workflow_jobs", "schedules", "launch", "workflow_nodes", "labels", "access_list",
            "object_roles", "survey_spec", *NOTIFIED, "notification_templates_approvals",
        )
    }  # fmt: skip
    linked = (
        "organization", "inventory", "current_job", "last_job", "next_schedule",
        "webhook_credential",
    )  # fmt: skip
    summarized = ("organization", "inventory", "last_job", "current_job", "webhook_credential")
    selected = ("webhook_credential__credential_type",)
    prefetched = ("labels",)
    capabilities = {
        "edit": "change", "delete": "delete", "start": "start", "schedule": "start", "copy": "add",
    }  # fmt: skip
    used = {"inventory": "use", "webhook_credential": "use"}

    class Meta:
        model = WorkflowJobTemplate
        fields = (
            *BASE, "last_job_run", "last_job_failed", "next_job_run", "status", "extra_vars",
            "organization", "survey_enabled", "allow_simultaneous", "ask_variables_on_launch",
            "inventory", "limit", "scm_branch", "ask_inventory_on_launch",
            "ask_scm_branch_on_launch", "ask_limit_on_launch", "webhook_service",
            "webhook_credential", "ask_labels_on_launch", "ask_skip_tags_on_launch",
            "ask_tags_on_launch", "skip_tags", "job_tags", "gantry",
        )  # fmt: skip

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if row.inventory is not None:
            found["inventory"] |= inventory_extras(self, row)
        if {"name", "description"} <= row.survey_spec.keys():
            survey = row.survey_spec
            found["survey"] = {"title": survey["name"], "description": survey["description"]}
        found["labels"] = label_summaries(row)
        found["recent_jobs"] = self.once("recent", _recent_jobs).get(row.pk, [])
        return found

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        refuse_taken(self, WorkflowJobTemplate, attrs)
        return super().validate(attrs)

    def create(self, validated_data: dict[str, Any]) -> Any:
        return super().create({**validated_data, "kind": "workflow_job_template"})


def _recent_jobs(page: list[Any]) -> dict[int, list[dict[str, Any]]]:
    newest = WorkflowJob.objects.filter(workflow_job_template=OuterRef("pk")).order_by("-pk")
    templates = WorkflowJobTemplate.objects.filter(pk__in=[t.pk for t in page]).order_by()
    ids = dict(templates.values_list("pk", ArraySubquery(newest.values("pk")[:RECENT])))
    wanted = [pk for found in ids.values() for pk in found]
    names = ("id", "status", "finished", "canceled_on")
    rows = WorkflowJob.objects.filter(pk__in=wanted).values(*names)
    jobs = {row["id"]: {**row, "type": "workflow_job"} for row in rows}
    return {template: [jobs[pk] for pk in found] for template, found in ids.items()}


class WorkflowJobTemplateList(ListCreateView):
    model = WorkflowJobTemplate
    serializer_class = WorkflowJobTemplateSerializer


class WorkflowJobTemplateDetail(DetailView):
    model = WorkflowJobTemplate
    serializer_class = WorkflowJobTemplateSerializer


class OrganizationWorkflowJobTemplatesList(SubListCreateView):
    model = WorkflowJobTemplate
    serializer_class = WorkflowJobTemplateSerializer
    parent_model = Organization
    parent_key = "organization"


class WorkflowLaunchSerializer(serializers.Serializer[Any]):
    """Names what a launch takes, for OPTIONS; path.workflow reads and refuses the values."""

    extra_vars = serializers.JSONField(write_only=True, required=False)
    inventory = serializers.PrimaryKeyRelatedField(
        queryset=Inventory.objects.all(), required=False, write_only=True
    )
    limit = serializers.CharField(required=False, write_only=True, allow_blank=True)
    scm_branch = serializers.CharField(required=False, write_only=True, allow_blank=True)
    labels = serializers.PrimaryKeyRelatedField(
        many=True, queryset=Label.objects.all(), required=False, write_only=True
    )
    skip_tags = serializers.CharField(required=False, write_only=True, allow_blank=True)
    job_tags = serializers.CharField(required=False, write_only=True, allow_blank=True)


class WorkflowJobTemplateLaunch(NounView):
    model = WorkflowJobTemplate
    serializer_class = WorkflowLaunchSerializer

    def get_queryset(self) -> Any:
        return WorkflowJobTemplate.objects.select_related("inventory", "organization")

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        if not access.may(request.user, "start", obj):
            raise PermissionDenied

    def get(self, request: Request, **kwargs: Any) -> Response:
        template = self.get_object()
        about = {name: getattr(template, name) for name in ("name", "id", "description")}
        return Response({
            **workflow_preview(template), "workflow_job_template_data": about,
            "defaults": _defaults(template),
        })  # fmt: skip

    def post(self, request: Request, **kwargs: Any) -> Response:
        template = self.get_object()
        given = dict(body_of(request))
        if "inventory_id" in given:
            given.setdefault("inventory", given["inventory_id"])
        prompts = {name: given[name] for name in WORKFLOW_PROMPTS if name in given}
        launched = launch_workflow(template, user=person_of(request), prompts=prompts)
        row = WorkflowJobSerializer.tune(WorkflowJob.objects.all()).get(pk=launched.job.pk)
        body = {
            "workflow_job": row.pk,
            "ignored_fields": launched.ignored_fields,
            **WorkflowJobSerializer(row, context=self.get_serializer_context()).data,
        }
        return Response(body, 201, headers={"Location": url_of(row)})


def _defaults(template: Any) -> dict[str, Any]:
    inventory = template.inventory
    labels = [{"id": row.pk, "name": row.name} for row in template.labels.all()]
    return {
        "inventory": {"name": getattr(inventory, "name", None), "id": template.inventory_id},
        **{name: getattr(template, name) for name in SAID},
        **({"labels": labels} if labels else {}),
        "extra_vars": template.extra_vars,
    }
