"""What may stand in a filter: an allow-list of fields and relations, by model.

Every column of a model that the API shows, and every relation between such models; never a secret
and nothing of Gantry's own machinery. Asked by filters.py (and metadata.py, which tells clients).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db.models import Model
from rest_framework.exceptions import ParseError, PermissionDenied

from gantry.api.names import NAMES
from gantry.resources.models import (
    ActivityStream,
    Credential,
    CredentialType,
    InventorySource,
    JobEvent,
    JobTemplate,
    NotificationTemplate,
    OAuth2AccessToken,
    OAuth2Application,
    Project,
    Role,
    Schedule,
    UnifiedJob,
    UnifiedJobTemplate,
    User,
    WebhookDelivery,
    WorkflowJobNode,
    WorkflowJobTemplate,
    WorkflowJobTemplateNode,
)

TEXT = (
    "username", "first_name", "last_name", "email", "name", "description", "hostname", "playbook",
)  # fmt: skip

# Columns that no serializer of their model shows as such, or that hold what must not be probed.
SECRET: dict[type[Model], set[str]] = {
    Model: {"survey_passwords", "webhook_key"},
    User: {"password"},
    Credential: {"inputs"},
    CredentialType: {"inputs", "injectors"},
    JobTemplate: {"survey_spec"},
    Schedule: {"survey_passwords", "char_prompts"},
    WorkflowJobTemplate: {"survey_spec"},
    WorkflowJobTemplateNode: {"survey_passwords", "char_prompts"},
    WorkflowJobNode: {"survey_passwords", "char_prompts", "ancestor_artifacts"},
    UnifiedJob: {"start_secrets", "job_env", "evidence", "job_args"},
    JobEvent: {"event_data"},
    NotificationTemplate: {"notification_configuration"},
    OAuth2Application: {"secret_hash"},
    WebhookDelivery: {"payload"},
    OAuth2AccessToken: {"token_hash"},
}
PASSWORDS = {"password", "start_secrets"}
INTERNAL = {
    "lease_owner", "lease_expires", "lease_epoch", "attempt", "pod_name", "pod_id", "acknowledged",
    "artifact_pieces", "preferred_groups", "prompted_groups", "task_impact", "holder", "machine",
    "pid", "most_jobs", "groups_set", "user_permissions", "logentry", "data", "ca_bundle",
    "told", "attempts", "next_try", "events_recorded", "event_lag", "webhook_status_api",
}  # fmt: skip
ALIASES: dict[type[Model], dict[str, str]] = {
    User: {"created": "date_joined"},
    Project: {
        "current_update": "current_job",
        "last_update": "last_job",
        "last_update_failed": "last_job_failed",
        "last_updated": "last_job_run",
    },
    InventorySource: {
        "current_update": "current_job",
        "last_update": "last_job",
        "last_update_failed": "last_job_failed",
        "last_updated": "last_job_run",
    },
    UnifiedJob: {
        "job": "as_job", "project_update": "as_project_update",
        "inventory_update": "as_inventory_update", "ad_hoc_command": "as_ad_hoc_command",
        "job_template": "as_job__job_template", "workflow_job": "as_workflow_job",
        "workflow_approval": "as_workflow_approval",
    },
    UnifiedJobTemplate: {
        "job_template": "as_job_template", "project": "as_project",
        "inventory_source": "as_inventory_source",
        "workflow_job_template": "as_workflow_job_template",
    },
    JobEvent: {"host": "host_id"},
}  # fmt: skip


def _of(table: dict[type[Model], Any], model: type[Model]) -> list[Any]:
    """The entries of a model and of those it inherits from."""
    return [entry for kind, entry in table.items() if issubclass(model, kind)]


def resolve(model: type[Model], path: str) -> tuple[list[Any], str]:
    """The fields that `path` goes through, and the path in Django's names."""
    fields: list[Any] = []
    names: list[str] = []
    at: type[Model] | None = model
    # AWX's roles lead to their object's kind through a table of all kinds.
    for name in path.replace("content_type__model", "kind").split("__"):
        if at is None:
            raise ParseError(f"No related model for field {name}.")
        for step in _alias(at, name).split("__"):
            assert at is not None
            found = _field(at, step, name)
            if found in fields:
                raise ParseError(f"Loops not allowed in filters, detected on field {found.name}.")
            fields.append(found)
            names.append(step)
            at = found.related_model if found.is_relation else None
    return fields, "__".join(names)


def _alias(model: type[Model], name: str) -> str:
    if name == "type" and issubclass(model, UnifiedJob | UnifiedJobTemplate):
        return "kind"
    if name == "pk":
        return "id"
    for table in _of(ALIASES, model):
        if name in table and not _has(model, name):
            return str(table[name])
    return name


def _has(model: type[Model], name: str) -> bool:
    return name in allowed_fields(model)


def _field(model: type[Model], name: str, asked: str) -> Any:
    if name in PASSWORDS:
        raise PermissionDenied("Filtering on password fields is not allowed.")
    if any(name in secret for secret in _of(SECRET, model)):
        raise PermissionDenied(f"Filtering on {asked} is not allowed.")
    allowed = allowed_fields(model)
    if name not in allowed:
        raise ParseError(f"{model._meta.object_name} has no field named '{asked}'")
    return allowed[name]


@lru_cache(maxsize=64)
def allowed_fields(model: type[Model]) -> dict[str, Any]:
    """Everything that may stand in a filter on this model, by name."""
    allowed = {}
    for candidate in model._meta.get_fields():
        name = candidate.name
        if name in INTERNAL or name.endswith("+") or getattr(candidate, "parent_link", False):
            continue
        if candidate.is_relation and candidate.related_model not in NAMES:
            continue
        if candidate.auto_created and not candidate.concrete and not candidate.is_relation:
            continue
        allowed[name] = candidate
    return allowed


def to_many(found: Any) -> bool:
    """Whether a step of a path leads from one row to many."""
    return bool(found.is_relation and (found.one_to_many or found.many_to_many))


def search_fields(model: type[Model]) -> list[str]:
    """What `search=` looks into; AWX: get_search_fields."""
    if model is Role:
        return ["role_field", "kind"]
    if model is ActivityStream:
        return ["changes"]
    if model in (WorkflowJobTemplateNode, WorkflowJobNode):
        return ["unified_job_template__name", "unified_job_template__description"]
    found = [f.name for f in model._meta.fields if f.name in TEXT[:7]]
    if model is UnifiedJob:
        found.append("as_job__playbook")
    return found


def related_search_fields(model: type[Model]) -> list[str]:
    return sorted(f"{name}__search" for name, f in allowed_fields(model).items() if f.is_relation)
