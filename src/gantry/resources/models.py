"""Django finds the models here; each lives in the module of its noun."""

from __future__ import annotations

from gantry.resources.activity import ActivityStream
from gantry.resources.ad_hoc import AdHocCommand
from gantry.resources.builds import EnvironmentBuild, EnvironmentDefinition
from gantry.resources.credentials import Credential, CredentialInputSource, CredentialType
from gantry.resources.environments import EnvironmentDigest, ExecutionEnvironment
from gantry.resources.events import JobEvent
from gantry.resources.host_metrics import HostMetric, HostMetricSummaryMonthly
from gantry.resources.images import ImageContents
from gantry.resources.instances import Instance, InstanceGroup
from gantry.resources.inventories import Group, Host, HostFacts, Inventory, InventorySnapshot
from gantry.resources.inventory_sources import InventorySource, InventoryUpdate
from gantry.resources.jobs import (
    Installation,
    Job,
    JobHostSummary,
    ProjectUpdate,
    UnifiedJob,
)
from gantry.resources.labels import Label
from gantry.resources.log_aggregator import LogLine, LogProgress, LogStream
from gantry.resources.logins import LoginFailure
from gantry.resources.notifications import Notification, NotificationTemplate
from gantry.resources.organizations import Organization, Team, User
from gantry.resources.projects import Artifact, Project, ProjectSnapshot
from gantry.resources.role_definitions import (
    RoleDefinition,
    RoleTeamAssignment,
    RoleUserAssignment,
)
from gantry.resources.roles import Role
from gantry.resources.schedules import Schedule
from gantry.resources.system_jobs import SystemJob, SystemJobTemplate
from gantry.resources.templates import JobTemplate, UnifiedJobTemplate
from gantry.resources.tokens import (
    OAuth2AccessToken,
    OAuth2Application,
    OAuth2Code,
    OAuth2RefreshToken,
)
from gantry.resources.webhooks import CommitStatus, WebhookDelivery
from gantry.resources.workflows import (
    WorkflowApproval,
    WorkflowApprovalTemplate,
    WorkflowJob,
    WorkflowJobNode,
    WorkflowJobTemplate,
    WorkflowJobTemplateNode,
)

__all__ = [
    "ActivityStream",
    "AdHocCommand",
    "Artifact",
    "CommitStatus",
    "Credential",
    "CredentialInputSource",
    "CredentialType",
    "EnvironmentBuild",
    "EnvironmentDefinition",
    "EnvironmentDigest",
    "ExecutionEnvironment",
    "Group",
    "Host",
    "HostFacts",
    "HostMetric",
    "HostMetricSummaryMonthly",
    "ImageContents",
    "Installation",
    "Instance",
    "InstanceGroup",
    "Inventory",
    "InventorySnapshot",
    "InventorySource",
    "InventoryUpdate",
    "Job",
    "JobEvent",
    "JobHostSummary",
    "JobTemplate",
    "Label",
    "LogLine",
    "LogProgress",
    "LogStream",
    "LoginFailure",
    "Notification",
    "NotificationTemplate",
    "OAuth2AccessToken",
    "OAuth2Application",
    "OAuth2Code",
    "OAuth2RefreshToken",
    "Organization",
    "Project",
    "ProjectSnapshot",
    "ProjectUpdate",
    "Role",
    "RoleDefinition",
    "RoleTeamAssignment",
    "RoleUserAssignment",
    "Schedule",
    "SystemJob",
    "SystemJobTemplate",
    "Team",
    "UnifiedJob",
    "UnifiedJobTemplate",
    "User",
    "WebhookDelivery",
    "WorkflowApproval",
    "WorkflowApprovalTemplate",
    "WorkflowJob",
    "WorkflowJobNode",
    "WorkflowJobTemplate",
    "WorkflowJobTemplateNode",
]
