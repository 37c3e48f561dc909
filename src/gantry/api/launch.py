"""/job_templates/N/launch/: GET what a launch needs, POST launches. The rules are path.launch's."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.job_templates import with_credentials
from gantry.api.jobs import JobSerializer
from gantry.api.names import url_of
from gantry.api.unified import passwords_of
from gantry.api.views import NounView, body_of, person_of
from gantry.api.workflow_jobs import WorkflowJobSerializer
from gantry.path.launch import launch_job, launch_preview, passwords_needed
from gantry.resources import access
from gantry.resources.base import JOB_TYPES, VERBOSITIES
from gantry.resources.models import (
    Credential,
    ExecutionEnvironment,
    InstanceGroup,
    Inventory,
    JobTemplate,
    Label,
    WorkflowJob,
)
from gantry.resources.templates import PROMPTS


class LaunchSerializer(serializers.Serializer[Any]):
    """Names what a launch takes, for OPTIONS; path.launch reads and refuses the values."""

    credential_passwords = serializers.DictField(write_only=True, required=False)
    extra_vars = serializers.JSONField(write_only=True, required=False)
    inventory = serializers.PrimaryKeyRelatedField(
        queryset=Inventory.objects.all(), required=False, write_only=True
    )
    scm_branch = serializers.CharField(required=False, write_only=True, allow_blank=True)
    diff_mode = serializers.BooleanField(required=False, write_only=True)
    job_tags = serializers.CharField(required=False, write_only=True, allow_blank=True)
    job_type = serializers.ChoiceField(required=False, choices=JOB_TYPES, write_only=True)
    skip_tags = serializers.CharField(required=False, write_only=True, allow_blank=True)
    limit = serializers.CharField(required=False, write_only=True, allow_blank=True)
    verbosity = serializers.ChoiceField(required=False, choices=VERBOSITIES, write_only=True)
    execution_environment = serializers.PrimaryKeyRelatedField(
        queryset=ExecutionEnvironment.objects.all(), required=False, write_only=True
    )
    credentials = serializers.PrimaryKeyRelatedField(
        many=True, queryset=Credential.objects.all(), required=False, write_only=True
    )
    labels = serializers.PrimaryKeyRelatedField(
        many=True, queryset=Label.objects.all(), required=False, write_only=True
    )
    forks = serializers.IntegerField(required=False, write_only=True, min_value=0)
    job_slice_count = serializers.IntegerField(required=False, write_only=True, min_value=0)
    timeout = serializers.IntegerField(required=False, write_only=True)
    instance_groups = serializers.PrimaryKeyRelatedField(
        many=True, queryset=InstanceGroup.objects.all(), required=False, write_only=True
    )


class JobTemplateLaunch(NounView):
    model = JobTemplate
    serializer_class = LaunchSerializer

    def get_queryset(self) -> Any:
        rows = JobTemplate.objects.select_related("inventory", "execution_environment", "project")
        return rows.prefetch_related(with_credentials(JobTemplate))

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        if not access.may(request.user, "start", obj):
            raise PermissionDenied

    def get(self, request: Request, **kwargs: Any) -> Response:
        template = self.get_object()
        return Response(
            {
                **launch_preview(template),
                "job_template_data": {
                    "name": template.name,
                    "id": template.pk,
                    "description": template.description,
                },
                "defaults": _defaults(template),
            }
        )

    def post(self, request: Request, **kwargs: Any) -> Response:
        template = self.get_object()
        given = dict(body_of(request))
        if "inventory_id" in given:
            given.setdefault("inventory", given["inventory_id"])
        launched = launch_job(
            template,
            user=person_of(request),
            prompts={name: given[name] for name in PROMPTS if name in given},
            passwords=passwords_of(given),
        )
        sliced = isinstance(launched.job, WorkflowJob)
        shown: Any = WorkflowJobSerializer if sliced else JobSerializer
        job = shown.tune(type(launched.job).objects.all()).get(pk=launched.job.pk)
        body = {
            "workflow_job" if sliced else "job": job.pk,
            "ignored_fields": launched.ignored_fields,
            **shown(job, context=self.get_serializer_context()).data,
        }
        return Response(body, 201, headers={"Location": url_of(job)})


def _defaults(template: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in PROMPTS:
        if name == "inventory":
            row = template.inventory
            found[name] = {"name": getattr(row, "name", None), "id": getattr(row, "pk", None)}
        elif name == "credentials":
            rows = [_credential(c) for c in template.credentials.all()]
            if rows:
                found[name] = rows
        elif name == "execution_environment":
            row = template.execution_environment
            found[name] = {"id": row.pk, "name": row.name} if row else {}
        elif name == "instance_groups":
            found[name] = []
        elif name == "labels":
            labels = [{"id": row.pk, "name": row.name} for row in template.labels.all()]
            if labels:
                found[name] = labels
        else:
            found[name] = getattr(template, name)
    return found


def _credential(credential: Any) -> dict[str, Any]:
    shown = {
        "id": credential.pk,
        "name": credential.name,
        "credential_type": credential.credential_type_id,
        "passwords_needed": passwords_needed([credential]),
    }
    if credential.credential_type.namespace == "vault":
        shown["vault_id"] = credential.inputs.get("vault_id")
    return shown
