"""AWX's name of each kind of row and the URL it lives at."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from gantry.resources.models import (
    ActivityStream,
    AdHocCommand,
    Credential,
    CredentialInputSource,
    CredentialType,
    EnvironmentBuild,
    EnvironmentDigest,
    ExecutionEnvironment,
    Group,
    Host,
    HostMetric,
    HostMetricSummaryMonthly,
    Instance,
    InstanceGroup,
    Inventory,
    InventorySource,
    InventoryUpdate,
    Job,
    JobEvent,
    JobHostSummary,
    JobTemplate,
    Label,
    Notification,
    NotificationTemplate,
    OAuth2AccessToken,
    OAuth2Application,
    Organization,
    Project,
    ProjectUpdate,
    Role,
    RoleDefinition,
    RoleTeamAssignment,
    RoleUserAssignment,
    Schedule,
    SystemJob,
    SystemJobTemplate,
    Team,
    UnifiedJob,
    UnifiedJobTemplate,
    User,
    WebhookDelivery,
    WorkflowApproval,
    WorkflowApprovalTemplate,
    WorkflowJob,
    WorkflowJobNode,
    WorkflowJobTemplate,
    WorkflowJobTemplateNode,
)

ROOT = "/api/v2/"
# model -> (type, the part of its URL)
NAMES: dict[type[Model], tuple[str, str]] = {
    Organization: ("organization", "organizations"),
    User: ("user", "users"),
    Team: ("team", "teams"),
    Role: ("role", "roles"),
    ExecutionEnvironment: ("execution_environment", "execution_environments"),
    EnvironmentBuild: ("environment_build", "environment_builds"),
    EnvironmentDigest: ("environment_digest", "environment_digests"),
    Project: ("project", "projects"),
    ProjectUpdate: ("project_update", "project_updates"),
    Credential: ("credential", "credentials"),
    CredentialType: ("credential_type", "credential_types"),
    CredentialInputSource: ("credential_input_source", "credential_input_sources"),
    Inventory: ("inventory", "inventories"),
    InventorySource: ("inventory_source", "inventory_sources"),
    InventoryUpdate: ("inventory_update", "inventory_updates"),
    Group: ("group", "groups"),
    Host: ("host", "hosts"),
    Label: ("label", "labels"),
    Instance: ("instance", "instances"),
    InstanceGroup: ("instance_group", "instance_groups"),
    JobTemplate: ("job_template", "job_templates"),
    Job: ("job", "jobs"),
    SystemJobTemplate: ("system_job_template", "system_job_templates"),
    SystemJob: ("system_job", "system_jobs"),
    Schedule: ("schedule", "schedules"),
    NotificationTemplate: ("notification_template", "notification_templates"),
    Notification: ("notification", "notifications"),
    AdHocCommand: ("ad_hoc_command", "ad_hoc_commands"),
    WorkflowJobTemplate: ("workflow_job_template", "workflow_job_templates"),
    WorkflowJob: ("workflow_job", "workflow_jobs"),
    WorkflowApprovalTemplate: ("workflow_approval_template", "workflow_approval_templates"),
    WorkflowApproval: ("workflow_approval", "workflow_approvals"),
    WorkflowJobTemplateNode: ("workflow_job_template_node", "workflow_job_template_nodes"),
    WorkflowJobNode: ("workflow_job_node", "workflow_job_nodes"),
    WebhookDelivery: ("webhook_delivery", "webhook_deliveries"),
    JobEvent: ("job_event", "job_events"),
    JobHostSummary: ("job_host_summary", "job_host_summaries"),
    HostMetric: ("host_metric", "host_metrics"),
    HostMetricSummaryMonthly: ("host_metric_summary_monthly", "host_metric_summary_monthly"),
    UnifiedJob: ("unified_job", "unified_jobs"),
    OAuth2Application: ("o_auth2_application", "applications"),
    OAuth2AccessToken: ("o_auth2_access_token", "tokens"),
    UnifiedJobTemplate: ("unified_job_template", "unified_job_templates"),
    ActivityStream: ("activity_stream", "activity_stream"),
    RoleDefinition: ("role_definition", "role_definitions"),
    RoleUserAssignment: ("role_user_assignment", "role_user_assignments"),
    RoleTeamAssignment: ("role_team_assignment", "role_team_assignments"),
}
PLURALS = dict(NAMES.values())
# The kinds below whose objects AWX has an `activity_stream/`.
HISTORIES = {
    "organization", "user", "team", "execution_environment", "project", "credential",
    "credential_type", "o_auth2_application", "o_auth2_access_token", "inventory", "host", "group",
    "inventory_source", "job_template", "job", "ad_hoc_command", "workflow_job_template",
    "workflow_job",
}  # fmt: skip
# Those that copies.py copies.
COPIED = {
    "project", "credential", "inventory", "job_template", "notification_template",
    "workflow_job_template",
}  # fmt: skip
# The lists, below what can be followed, of whom to tell.
NOTIFIED = (
    "notification_templates_started", "notification_templates_success",
    "notification_templates_error",
)  # fmt: skip
# What AWX calls them in OPTIONS where it is not the type in title case.
TITLES = {
    "job": "Playbook Run",
    "ad_hoc_command": "Command",
    "project_update": "SCM Update",
    "inventory_update": "Inventory Sync",
    "system_job": "Management Job",
    "workflow_job_template": "Workflow Template",
    "o_auth2_access_token": "Access Token",
    "o_auth2_application": "Application",
}


def type_of(row: Any) -> str:
    """A unified row is known by what it is a part of."""
    if row is None:
        return ""
    model = row if isinstance(row, type) else type(row)
    if model in (UnifiedJob, UnifiedJobTemplate) and not isinstance(row, type):
        return str(row.kind)
    return NAMES[model][0]


def url_of(row: Any) -> str:
    if row is None or row.pk is None:
        return ""
    return f"{ROOT}{PLURALS[type_of(row)]}/{row.pk}/"


def title_of(kind: str) -> str:
    return TITLES.get(kind, kind.replace("_", " ").title())
