"""What is copied, in an order in which everything that a row points to is there before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Noun:
    """A list of the API.

    `key` tells one row from another where ids say nothing; `refs` are its fields that point to rows
    of other nouns, `lists` the lists below a row whose members are copied, `late` the fields that
    point to what comes after it. `only` narrows the source's list.
    """

    plural: str
    key: tuple[str, ...] = ("name",)
    refs: dict[str, str] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    late: tuple[str, ...] = ()
    only: dict[str, str] = field(default_factory=dict)


OWNED = {"organization": "organizations"}
TOLD = {f"notification_templates_{when}": "notification_templates"
        for when in ("started", "success", "error")}  # fmt: skip
APPROVALS = "notification_templates_approvals"
EDGES = {f"{way}_nodes": "workflow_job_template_nodes" for way in ("success", "failure", "always")}
PROMPTED = {
    "credentials": "credentials", "labels": "labels", "instance_groups": "instance_groups",
}  # fmt: skip
PROMPTS = {"inventory": "inventories", "execution_environment": "execution_environments"}

NOUNS = (
    Noun("instance_groups", late=("credential",), refs={"credential": "credentials"}),
    Noun(
        "organizations",
        refs={"default_environment": "execution_environments"},
        lists={
            "instance_groups": "instance_groups", "galaxy_credentials": "credentials", **TOLD,
            APPROVALS: "notification_templates",
        },
        late=("default_environment", "galaxy_credentials", "instance_groups", *TOLD, APPROVALS),
    ),
    Noun("users", key=("username",)),
    Noun("teams", key=("name", "organization"), refs=OWNED),
    Noun("labels", key=("name", "organization"), refs=OWNED),
    Noun("notification_templates", key=("name", "organization"), refs=OWNED),
    Noun("role_definitions"),
    Noun("credential_types", key=("name", "kind")),
    Noun(
        "credentials",
        key=("name", "credential_type", "organization"),
        refs={**OWNED, "credential_type": "credential_types"},
    ),
    Noun(
        "credential_input_sources",
        key=("target_credential", "input_field_name"),
        refs={"target_credential": "credentials", "source_credential": "credentials"},
    ),
    Noun("execution_environments", refs={**OWNED, "credential": "credentials"}),
    Noun(
        "projects",
        key=("name", "organization"),
        refs={
            **OWNED, "credential": "credentials",
            "signature_validation_credential": "credentials",
            "default_environment": "execution_environments",
        },
        lists=TOLD,
    ),
    Noun(
        "inventories",
        key=("name", "organization"),
        refs=OWNED,
        lists={"instance_groups": "instance_groups", "labels": "labels"},
    ),
    Noun("hosts", key=("name", "inventory"), refs={"inventory": "inventories"}),
    Noun(
        "groups",
        key=("name", "inventory"),
        refs={"inventory": "inventories"},
        lists={"children": "groups", "hosts": "hosts"},
        late=("children", "hosts"),
    ),
    Noun(
        "inventory_sources",
        key=("name", "inventory"),
        refs={
            "inventory": "inventories", "source_project": "projects", "credential": "credentials",
            "execution_environment": "execution_environments",
        },
        lists={"credentials": "credentials", **TOLD},
    ),
    Noun(
        "job_templates",
        key=("name", "organization"),
        refs={
            **OWNED, **PROMPTS, "project": "projects", "webhook_credential": "credentials",
        },
        lists={**PROMPTED, **TOLD},
    ),
    Noun(
        "workflow_job_templates",
        key=("name", "organization"),
        refs={**OWNED, "inventory": "inventories", "webhook_credential": "credentials"},
        lists={"labels": "labels", **TOLD, APPROVALS: "notification_templates"},
    ),
    Noun(
        "workflow_job_template_nodes",
        key=("identifier", "workflow_job_template"),
        refs={**PROMPTS, "workflow_job_template": "workflow_job_templates"},
        lists={**PROMPTED, **EDGES},
        late=tuple(EDGES),
    ),
    Noun(
        "schedules",
        key=("name", "unified_job_template"),
        refs=PROMPTS,
        lists=PROMPTED,
    ),
)  # fmt: skip

# Of the template of a schedule or a node: AWX's unified_job_type -> noun.
TEMPLATES = {
    "job": "job_templates",
    "project_update": "projects",
    "inventory_update": "inventory_sources",
    "system_job": "system_job_templates",
    "workflow_job": "workflow_job_templates",
}
WITH_SURVEY = ("job_templates", "workflow_job_templates")
# What has roles of its own: AWX's resource_type -> noun.
WITH_ROLES = {
    "organization": "organizations", "team": "teams", "project": "projects",
    "credential": "credentials", "inventory": "inventories", "job_template": "job_templates",
    "instance_group": "instance_groups", "workflow_job_template": "workflow_job_templates",
}  # fmt: skip
# Lists of AWX that are not copied, and what the report says where they are not empty.
LEFT = {
    "applications": "OAuth2 applications: their client secrets are never shown; register them anew",
    "tokens": "tokens: they are never shown; people make new ones",
    "unified_jobs": "the history of jobs: it stays where it is",
}
