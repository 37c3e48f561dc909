"""/api/v2/job_templates/: what can be launched. Launching itself is in launch.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.db.models.functions import Coalesce
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from gantry.api.credentials import CredentialCreateSerializer
from gantry.api.fields import VariablesField, limit_of
from gantry.api.inventory_counts import inventory_extras
from gantry.api.labels import label_summaries
from gantry.api.names import NOTIFIED, url_of
from gantry.api.projects import UPDATE, refuse_taken
from gantry.api.shape import BASE, AwxSerializer, summary
from gantry.api.views import AttachView, DetailView, ListCreateView, SubListView
from gantry.api.webhook_fields import WebhookTemplateFields
from gantry.base.errors import JobFailure
from gantry.path.resolve import resolve_environment
from gantry.resources import access
from gantry.resources.base import STATUSES
from gantry.resources.models import Credential, Inventory, Job, JobTemplate, UnifiedJob
from gantry.resources.templates import PROMPTS

PROMPT_OR_DEFAULT = "You must either set a default value or ask to prompt on launch."
LAUNCHABLE_KINDS = ("ssh", "vault", "cloud", "net", "kubernetes")
RECENT = 10
# What an administrator of a template changes without a right to what it uses. AWX:
# JobTemplateAccess.changes_are_non_sensitive.
HARMLESS = {
    "name", "description", "forks", "limit", "verbosity", "extra_vars", "job_tags",
    "force_handlers", "skip_tags", "ask_variables_on_launch", "ask_tags_on_launch",
    "ask_job_type_on_launch", "ask_skip_tags_on_launch", "ask_inventory_on_launch",
    "ask_credential_on_launch", "survey_enabled", "custom_virtualenv", "diff_mode", "timeout",
    "job_slice_count",
}  # fmt: skip
OPTIONS = (
    "job_type", "inventory", "project", "playbook", "scm_branch", "forks", "limit", "verbosity",
    "extra_vars", "job_tags", "force_handlers", "skip_tags", "start_at_task", "timeout",
    "use_fact_cache", "organization",
)  # fmt: skip


def with_credentials(model: Any) -> Prefetch[Any]:
    return Prefetch("credentials", Credential.objects.select_related("credential_type"))


def credential_summaries(row: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": c.pk,
            "name": c.name,
            "description": c.description,
            "kind": c.credential_type.namespace,
            "cloud": c.credential_type.kind == "cloud",
        }
        for c in row.credentials.all()
    ]


class JobTemplateSerializer(WebhookTemplateFields, AwxSerializer):
    extra_vars = VariablesField(required=False, default="", allow_blank=True)
    status = serializers.ChoiceField(
        choices=[*STATUSES, ("never updated", "Never Updated")], read_only=True
    )

    sublists = {
        name: name
        for name in (
            "credentials",
            "instance_groups",
            "jobs",
            "labels",
            "launch",
            "object_roles",
            "access_list",
            "survey_spec",
            "schedules",
            *NOTIFIED,
        )
    }
    linked = (
        "inventory", "project", "organization", "execution_environment", "current_job", "last_job",
        "next_schedule", "webhook_credential",
    )  # fmt: skip
    summarized = (
        "organization", "inventory", "execution_environment", "project", "last_job", "current_job",
        "webhook_credential",
    )  # fmt: skip
    selected = ("webhook_credential__credential_type",)
    prefetched = (with_credentials(JobTemplate), "labels")
    capabilities = {
        "edit": "change", "delete": "delete", "start": "start", "schedule": "start", "copy": "add",
    }  # fmt: skip
    used = {
        "inventory": "use", "project": "use", "execution_environment": "read",
        "webhook_credential": "use",
    }  # fmt: skip

    class Meta:
        model = JobTemplate
        fields = (
            *BASE, *OPTIONS, "last_job_run", "last_job_failed", "next_job_run", "status",
            "execution_environment", "host_config_key", *PROMPTS.values(), "survey_enabled",
            "become_enabled", "diff_mode", "allow_simultaneous", "custom_virtualenv",
            "job_slice_count", "webhook_service", "webhook_credential",
            "prevent_instance_group_fallback", "gantry",
        )  # fmt: skip
        read_only_fields = ("organization", "custom_virtualenv")
        extra_kwargs = {"skip_tags": {"max_length": 1024}}

    def get_related(self, row: Any) -> dict[str, Any]:
        links = super().get_related(row)
        if row is not None and row.host_config_key:
            links["callback"] = f"{url_of(row)}callback/"
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if row.inventory is not None:
            found["inventory"] |= inventory_extras(self, row)
        for old, name in (("current_update", "current_job"), ("last_update", "last_job")):
            if name in found:
                found[old] = summary(getattr(row, name), UPDATE)
        if {"name", "description"} <= row.survey_spec.keys():
            survey = row.survey_spec
            found["survey"] = {"title": survey["name"], "description": survey["description"]}
        found["labels"] = label_summaries(row)
        found["recent_jobs"] = self.once("recent", _recent_jobs).get(row.pk, [])
        found["credentials"] = credential_summaries(row)
        if self.detail and self.context["request"].method != "POST":
            resolved = _resolved(row)
            if resolved is not None:
                found["resolved_environment"] = summary(
                    resolved, ("id", "name", "description", "image")
                )
        return found

    def get_gantry(self, row: Any) -> dict[str, Any]:
        return {**super().get_gantry(row), "max_concurrent_jobs": row.max_concurrent_jobs}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        def wanted(name: str) -> Any:
            return attrs.get(name, getattr(self.instance, name, None))

        project = wanted("project")
        if wanted("host_config_key") and wanted("inventory") is None:
            raise _invalid(
                "host_config_key",
                "Cannot enable provisioning callback without an inventory set.",
            )
        if project is None:
            raise _invalid("project", "Job Templates must have a project assigned.")
        if wanted("inventory") is None and not wanted("ask_inventory_on_launch"):
            raise _invalid("inventory", PROMPT_OR_DEFAULT)
        _check_playbook(project, wanted("playbook") or "")
        for name in ("scm_branch", "ask_scm_branch_on_launch"):
            if wanted(name) and not project.allow_override:
                raise _invalid(name, "Project does not allow overriding branch.")
        refuse_taken(self, JobTemplate, {**attrs, "organization": project.organization})
        return super().validate(attrs) | self._limit()

    def _limit(self) -> dict[str, int]:
        given = self.gantry_block()
        name = "max_concurrent_jobs"
        return {name: limit_of(name)(given[name])} if name in given else {}

    def create(self, validated_data: dict[str, Any]) -> Any:
        organization = validated_data["project"].organization
        return super().create(
            {**validated_data, "kind": "job_template", "organization": organization}
        )

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        project = validated_data.get("project") or instance.project
        if project is not None:
            validated_data["organization"] = project.organization
        return super().update(instance, validated_data)


def _invalid(field: str, sentence: str) -> serializers.ValidationError:
    return serializers.ValidationError({field: [sentence]})


def _check_playbook(project: Any, playbook: str) -> None:
    if not playbook:
        raise _invalid("playbook", "Must select playbook for project.")
    # With another branch allowed, nobody knows which playbooks it will have.
    if not project.allow_override and playbook not in project.playbook_files:
        raise _invalid("playbook", "Playbook not found for project.")


def _resolved(row: Any) -> Any:
    try:
        return resolve_environment(row).environment
    except JobFailure:
        return None


def _recent_jobs(page: list[Any]) -> dict[int, list[dict[str, Any]]]:
    """The newest ten of each template: one index scan a template, one query for all. A run in
    slices is shown as one, so templates that have slices among them are asked again without."""
    ids = _newest([t.pk for t in page], UnifiedJob.objects.all())
    rows = _recent(ids)
    sliced = [t for t, found in ids.items() if any(rows[pk]["slices"] > 1 for pk in found)]
    if sliced:
        slices = Job.objects.filter(pk=OuterRef("pk"), job_slice_count__gt=1)
        again = _newest(sliced, UnifiedJob.objects.exclude(Exists(slices)))
        ids |= again
        rows |= _recent(again)
    shown = {
        pk: {
            "id": pk,
            "status": row["status"],
            "finished": row["finished"],
            "canceled_on": row["canceled_on"],
            "type": row["kind"],
        }
        for pk, row in rows.items()
    }
    return {template: [shown[pk] for pk in found] for template, found in ids.items()}


def _newest(templates: list[int], runs: QuerySet[UnifiedJob]) -> dict[int, list[int]]:
    own = runs.filter(unified_job_template=OuterRef("pk")).order_by("-pk").values("pk")
    rows = JobTemplate.objects.filter(pk__in=templates).order_by()
    return dict(rows.values_list("pk", ArraySubquery(own[:RECENT])))


def _recent(ids: dict[int, list[int]]) -> dict[int, dict[str, Any]]:
    wanted = [pk for found in ids.values() for pk in found]
    rows = UnifiedJob.objects.filter(pk__in=wanted).annotate(
        slices=Coalesce("as_job__job_slice_count", 1)
    )
    names = ("pk", "status", "finished", "canceled_on", "kind", "slices")
    return {row["pk"]: row for row in rows.values(*names)}


class JobTemplateCreate:
    """A template belongs to its project's organization; whoever may add there may add it."""

    request: Any

    def check_add(self, attrs: Mapping[str, Any]) -> None:
        project = attrs["project"]
        row = JobTemplate(project=project, organization=project.organization)
        if not access.may(self.request.user, "add", row):
            raise PermissionDenied


class JobTemplateList(JobTemplateCreate, ListCreateView):
    model = JobTemplate
    serializer_class = JobTemplateSerializer


class JobTemplateDetail(DetailView):
    model = JobTemplate
    serializer_class = JobTemplateSerializer

    def check_change(self, row: Any, attrs: Mapping[str, Any]) -> None:
        changed = {name for name, value in attrs.items() if getattr(row, name, value) != value}
        if not changed <= HARMLESS:
            # Else whoever administers a template could turn what it runs with to other ends.
            for used in (row.inventory, row.project):
                if used is not None and not access.may(self.request.user, "use", used):
                    raise PermissionDenied
        project = attrs.get("project") or row.project
        if project is not None and project.organization_id != row.organization_id:
            moved = JobTemplate(project=project, organization=project.organization)
            if not access.may(self.request.user, "add", moved):
                raise PermissionDenied


class InventoryJobTemplateList(SubListView):
    model = JobTemplate
    serializer_class = JobTemplateSerializer
    parent_model = Inventory
    relationship = "jobtemplates"


class JobTemplateCredentialsList(AttachView):
    """One credential of a type, several vaults with different ids."""

    model = Credential
    serializer_class = CredentialCreateSerializer
    parent_model = JobTemplate
    relationship = "credentials"

    def attach_verb(self) -> str:
        return "use"

    def children(self, parent: Any) -> QuerySet[Any]:
        return Credential.objects.filter(pk__in=parent.credentials.values("pk"))

    def refuse(self, parent: Any, row: Any) -> Any:
        if row.credential_type.kind not in LAUNCHABLE_KINDS:
            return {"error": f"Cannot assign a Credential of kind `{row.credential_type.kind}`."}
        taken = parent.credentials.select_related("credential_type")
        if any(c.pk != row.pk and _slot(c) == _slot(row) for c in taken):
            return {"error": f"Cannot assign multiple {_slot_name(row)} credentials."}
        return None


def _slot(credential: Any) -> tuple[int, str]:
    identity = credential.inputs.get("vault_id") or ""
    return credential.credential_type_id, identity


def _slot_name(credential: Any) -> str:
    identity = credential.inputs.get("vault_id")
    name = str(credential.credential_type.name)
    return f"{name} (id={identity})" if identity else name
