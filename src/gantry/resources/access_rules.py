"""What it takes to do something to a row: model -> verb -> any of these. Asked by access.py.

Taken from AWX's awx/main/access.py. `On` is a role on the row or on one it belongs to; the other
grants are relations that are no role. Superusers may do everything that somebody may.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from django.db.models import Model

from gantry.resources.activity import ActivityStream
from gantry.resources.ad_hoc import AdHocCommand
from gantry.resources.builds import EnvironmentBuild, EnvironmentDefinition
from gantry.resources.credentials import Credential, CredentialInputSource, CredentialType
from gantry.resources.environments import EnvironmentDigest, ExecutionEnvironment
from gantry.resources.events import JobEvent
from gantry.resources.host_metrics import HostMetric, HostMetricSummaryMonthly
from gantry.resources.instances import Instance, InstanceGroup
from gantry.resources.inventories import Group, Host, Inventory
from gantry.resources.inventory_sources import InventorySource, InventoryUpdate
from gantry.resources.jobs import NOT_WALKED, Job, JobHostSummary, ProjectUpdate, UnifiedJob
from gantry.resources.labels import Label
from gantry.resources.notifications import Notification, NotificationTemplate
from gantry.resources.organizations import Organization, Team, User
from gantry.resources.projects import Project
from gantry.resources.role_definitions import RoleDefinition
from gantry.resources.roles import Role
from gantry.resources.schedules import Schedule
from gantry.resources.system_jobs import SystemJob, SystemJobTemplate
from gantry.resources.templates import JobTemplate, UnifiedJobTemplate
from gantry.resources.tokens import OAuth2AccessToken, OAuth2Application
from gantry.resources.webhooks import WebhookDelivery
from gantry.resources.workflows import (
    WorkflowApproval,
    WorkflowApprovalTemplate,
    WorkflowJob,
    WorkflowJobNode,
    WorkflowJobTemplate,
    WorkflowJobTemplateNode,
)

Verb = Literal[
    "read", "add", "change", "delete", "use", "start", "update", "cancel", "adhoc", "approve",
]  # fmt: skip


@dataclass(frozen=True)
class On:
    """Holding `role` on the `kind` of row at `path`; an empty path is the row itself."""

    kind: str
    role: str
    path: str = ""
    verb: str = ""  # what for, where permissions tell apart what a role does
    # Of rows of several kinds: only where the column at the first has the second as its value.
    when: tuple[str, str] | None = None


# anyone: whoever is logged in; owner: whose private credential it would be; creator: who made it;
# launcher: who made the workflow job that it is of;
# shared: it belongs to no organization; grouped: to a group that one may read; administrator: of
# any organization; seer: who may see everybody, administrators and auditors of one; scheduler: who
# made a schedule and may still start what it starts; concerned: access_activity.py;
# system: nobody but superusers, and the system's auditors to read. The rest is of
# people and roles: access_people.py.
Special = Literal[
    "anyone", "owner", "creator", "launcher", "shared", "grouped", "administrator", "seer",
    "scheduler", "self", "above", "mate", "visible", "keeper", "concerned", "system",
]  # fmt: skip
Grant = On | Special
Rules = dict[str, frozenset[Grant]]


def _org(role: str, path: str = "organization") -> On:
    return On("organization", role, path)


def _any(*grants: Grant) -> frozenset[Grant]:
    return frozenset(grants)


_OF_APPLICATION = _any("owner", _org("admin_role", "application__organization"))
_ENVIRONMENTS = _any(_org("execution_environment_admin_role"))
_ENVIRONMENT = _any(On("executionenvironment", "admin_role"))
_DEFINITIONS = _any(_org("execution_environment_admin_role", "environment__organization"))
_INVENTORY = _any(On("inventory", "admin_role", "inventory"))
_IN_INVENTORY: Rules = {
    "read": _any(On("inventory", "read_role", "inventory")),
    "add": _INVENTORY,
    "change": _INVENTORY,
    "delete": _INVENTORY,
}
_OVERSEERS = _any(_org("admin_role"), _org("auditor_role"))
_JOB: Rules = {
    "read": _OVERSEERS | {On("jobtemplate", "read_role", "unified_job_template")},
    "start": _any(On("jobtemplate", "execute_role", "unified_job_template"), _org("execute_role")),
    "cancel": _any(
        "creator",
        On("jobtemplate", "admin_role", "unified_job_template"),
        _org("job_template_admin_role"),
    ),
    "change": _any(_org("admin_role")),
    "delete": _any(_org("admin_role")),
}
_UPDATE_ADMIN = _any(
    On("project", "admin_role", "unified_job_template"), _org("project_admin_role")
)
_UPDATE: Rules = {
    "read": _OVERSEERS | {On("project", "read_role", "unified_job_template")},
    "start": _any(On("project", "update_role", "unified_job_template"), _org("project_admin_role")),
    "cancel": _UPDATE_ADMIN | {"creator"},
    "change": _UPDATE_ADMIN,
    "delete": _UPDATE_ADMIN,
}
_BUILD: Rules = {
    "read": _OVERSEERS | _ENVIRONMENTS,
    "start": _ENVIRONMENTS,
    "cancel": _ENVIRONMENTS | {"creator"},
    "change": _ENVIRONMENTS,
    "delete": _ENVIRONMENTS,
}


# Of its inventory; those who made it may have lost their role there, and may still stop it.
def _ad_hoc(inventory: str) -> Rules:
    return {
        "read": _any(On("inventory", "read_role", inventory)),
        **dict.fromkeys(("add", "start"), _any(On("inventory", "adhoc_role", inventory))),
        "cancel": _any("creator", On("inventory", "admin_role", inventory)),
        "delete": _any(_org("admin_role", f"{inventory}__organization")),
    }


_ANY_JOB: Rules = {"read": _OVERSEERS, "cancel": _any("creator")}
_PROJECT: Rules = {
    "read": _any(On("project", "read_role")),
    "add": _any(_org("project_admin_role")),
    "change": _any(On("project", "admin_role")),
    "delete": _any(On("project", "admin_role")),
    "use": _any(On("project", "use_role")),
    "update": _any(On("project", "update_role")),
    "start": _any(On("project", "update_role")),
}
_TEMPLATE: Rules = {
    "read": _any(On("jobtemplate", "read_role")),
    "change": _any(On("jobtemplate", "admin_role")),
    "delete": _any(On("jobtemplate", "admin_role")),
    "start": _any(On("jobtemplate", "execute_role")),
}

# For superusers, and the system's auditors to read: they belong to no organization.
_SYSTEM: Rules = {"read": _OVERSEERS, "start": _any(_org("admin_role"))}
_SYSTEM_JOB: Rules = {
    "read": _OVERSEERS,
    **dict.fromkeys(("cancel", "delete"), _any(_org("admin_role"))),
}


def _workflow(role: str, path: str = "") -> On:
    return On("workflowjobtemplate", role, path)


_WORKFLOW: Rules = {
    "read": _any(_workflow("read_role")),
    "change": _any(_workflow("admin_role")),
    "delete": _any(_workflow("admin_role")),
    "start": _any(_workflow("execute_role")),
    "approve": _any(_workflow("approval_role")),
}
_OF_WORKFLOW: Rules = {
    "read": _any(_workflow("read_role", "workflow_job_template")),
    **dict.fromkeys(
        ("add", "change", "delete"), _any(_workflow("admin_role", "workflow_job_template"))
    ),
}


# One that runs a job in slices, or many at once, has no template of its own kind.
def _workflow_job(path: str = "") -> Rules:
    at = f"{path}__" if path else ""
    template = f"{at}unified_job_template"
    admin = _any(
        _workflow("admin_role", template), _org("workflow_admin_role", f"{at}organization")
    )
    return {
        "read": _any(
            _workflow("read_role", template), On("jobtemplate", "read_role", template),
            _org("admin_role", f"{at}organization"),
        ),
        "start": _any(
            _workflow("execute_role", template), On("jobtemplate", "execute_role", template)
        ),
        "cancel": admin,
        "delete": _any(_org("workflow_admin_role", f"{at}organization")),
    }  # fmt: skip


_WORKFLOW_JOB: Rules = {
    verb: grants | ({"creator"} if verb in ("read", "cancel") else frozenset())
    for verb, grants in _workflow_job().items()
}


def _approval(path: str = "") -> Rules:
    template = f"{path}unified_job_node__workflow_job__unified_job_template"
    admin = _any(_workflow("admin_role", template))
    return {
        "read": _any(_workflow("read_role", template)),
        "approve": _any(_workflow("approval_role", template)),
        "cancel": admin,
        "delete": admin,
    }


_APPROVAL_TEMPLATE = _OF_WORKFLOW | {
    "start": _any(_workflow("execute_role", "workflow_job_template"))
}
_AT_APPROVAL_TEMPLATE = {
    verb: _any(
        *(
            replace(g, path=f"as_workflow_approval_template__{g.path}")
            for g in grants
            if isinstance(g, On)
        )
    )
    for verb, grants in _APPROVAL_TEMPLATE.items()
    if verb != "add"
}


def _of_kinds(kinds: dict[str, Rules], column: str = "kind", path: str = "") -> Rules:
    """The rules of rows of several kinds, or of rows at whose `path` such a row is."""
    found: Rules = {}
    for kind, rules in kinds.items():
        for verb, grants in rules.items():
            told = {_narrow(g, (column, kind), path) for g in grants}
            found[verb] = found.get(verb, frozenset()) | told
    return found


def _narrow(grant: Grant, when: tuple[str, str], path: str) -> Grant:
    if not isinstance(grant, On):
        return grant
    return replace(grant, when=when, path="__".join(p for p in (path, grant.path) if p))


def _both(one: Rules, other: Rules) -> Rules:
    verbs = one.keys() | other.keys()
    return {v: one.get(v, frozenset()) | other.get(v, frozenset()) for v in verbs}


def _source(path: str) -> Rules:
    """Of an inventory source: rights on the inventory that is at `path`."""
    admin, update = (_any(On("inventory", f"{x}_role", path)) for x in ("admin", "update"))
    return {
        "read": _any(On("inventory", "read_role", path)),
        **dict.fromkeys(("add", "change", "delete"), admin),
        **dict.fromkeys(("update", "start"), update),
    }


_OF_UPDATE = _source("unified_job_template__as_inventory_source__inventory")
_INVENTORY_UPDATE: Rules = {
    **{verb: _OF_UPDATE[verb] for verb in ("read", "start", "change", "delete")},
    "cancel": _OF_UPDATE["delete"] | {"creator"},
}
# Kinds of jobs and of templates; a new one needs a line here and one in RULES.
JOB_KINDS = {
    "job": _JOB, "project_update": _UPDATE, "environment_build": _BUILD, "system_job": _SYSTEM_JOB,
    "inventory_update": _INVENTORY_UPDATE,
    "ad_hoc_command": _ad_hoc("as_ad_hoc_command__inventory"),
    "workflow_job": _WORKFLOW_JOB, "workflow_approval": _approval(),
}  # fmt: skip
_WITH_EVENTS = {kind: rules for kind, rules in JOB_KINDS.items() if kind not in NOT_WALKED}
TEMPLATE_KINDS = {
    "job_template": _TEMPLATE, "project": _PROJECT, "system_job_template": _SYSTEM,
    "inventory_source": _source("as_inventory_source__inventory"),
    "workflow_job_template": _WORKFLOW, "workflow_approval_template": _AT_APPROVAL_TEMPLATE,
}  # fmt: skip
# A schedule is its template's: whoever may start that may make one, whoever administers it or made
# the schedule may change it.
_OF_TEMPLATE = _of_kinds(TEMPLATE_KINDS, "unified_job_template__kind", "unified_job_template")
_SCHEDULE: Rules = {
    "read": _OF_TEMPLATE["read"],
    "add": _OF_TEMPLATE["start"],
    **dict.fromkeys(("change", "delete"), _OF_TEMPLATE["change"] | {"scheduler"}),
}

RULES: dict[type[Model], Rules] = {
    Organization: {
        "read": _any(On("organization", "read_role")),
        "change": _any(On("organization", "admin_role")),
        "delete": _any(On("organization", "admin_role")),
        "use": _any(On("organization", "admin_role")),
    },
    User: {
        "read": _any("self", "seer", "mate"),
        "add": _any("administrator"),
        "change": _any("self", "above"),
        "delete": _any("above"),
    },
    Team: {
        "read": _any("seer", On("team", "read_role"), _org("member_role")),
        "add": _any(_org("admin_role")),
        "change": _any(On("team", "admin_role")),
        "delete": _any(On("team", "admin_role")),
    },
    Role: {"read": _any("visible"), "change": _any("keeper")},
    RoleDefinition: {"read": _any("anyone")},
    OAuth2Application: {
        "read": _any(_org("member_role")),
        **dict.fromkeys(("add", "change", "delete"), _any(_org("admin_role"))),
    },
    OAuth2AccessToken: {
        "read": _OF_APPLICATION | {_org("auditor_role", "application__organization")},
        **dict.fromkeys(("add", "change", "delete"), _OF_APPLICATION),
    },
    ExecutionEnvironment: {
        "read": _any("shared", _org("read_role")) | _ENVIRONMENT,
        "add": _ENVIRONMENTS,
        **dict.fromkeys(("change", "delete", "use"), _ENVIRONMENTS | _ENVIRONMENT),
    },
    EnvironmentDefinition: {
        "read": _any("shared", _org("read_role", "environment__organization")),
        **dict.fromkeys(("add", "change", "delete"), _DEFINITIONS),
    },
    EnvironmentDigest: {
        "read": _any("shared", _org("read_role", "environment__organization")),
    },
    CredentialType: {"read": _any("anyone")},
    Credential: {
        "read": _any(On("credential", "read_role")),
        "add": _any("owner", _org("credential_admin_role")),
        "change": _any(On("credential", "admin_role")),
        "delete": _any(On("credential", "admin_role")),
        "use": _any(On("credential", "use_role")),
    },
    CredentialInputSource: {
        "read": _any(On("credential", "read_role", "target_credential")),
        **dict.fromkeys(
            ("add", "change", "delete"), _any(On("credential", "admin_role", "target_credential"))
        ),
    },
    Project: _PROJECT,
    ProjectUpdate: _UPDATE,
    # To change an instance, and to make a group, takes a superuser.
    Instance: {"read": _any("grouped")},
    InstanceGroup: {
        "read": _any(On("instancegroup", "read_role")),
        "change": _any(On("instancegroup", "admin_role")),
        "delete": _any(On("instancegroup", "admin_role")),
        "use": _any(On("instancegroup", "use_role")),
    },
    Label: {
        "read": _any(_org("member_role"), _org("auditor_role")),
        "add": _any(_org("member_role")),
        "change": _any(_org("admin_role")),
    },
    Inventory: {
        "read": _any(On("inventory", "read_role")),
        "add": _any(_org("inventory_admin_role")),
        "change": _any(On("inventory", "admin_role")),
        "delete": _any(On("inventory", "admin_role")),
        "use": _any(On("inventory", "use_role")),
        "update": _any(On("inventory", "update_role")),
        "adhoc": _any(On("inventory", "adhoc_role")),
    },
    InventorySource: _source("inventory"),
    InventoryUpdate: _INVENTORY_UPDATE,
    Host: _IN_INVENTORY,
    Group: _IN_INVENTORY,
    # Whoever may use the project makes templates of it; what else they name is checked apart.
    JobTemplate: {**_TEMPLATE, "add": _any(On("project", "use_role", "project"))},
    Schedule: _SCHEDULE,
    WorkflowJobTemplate: {**_WORKFLOW, "add": _any(_org("workflow_admin_role"))},
    WorkflowJobTemplateNode: _OF_WORKFLOW,
    WorkflowApprovalTemplate: _APPROVAL_TEMPLATE,
    WorkflowJob: _WORKFLOW_JOB,
    WorkflowJobNode: {"read": _workflow_job("workflow_job")["read"] | {"launcher"}},
    WorkflowApproval: _approval(),
    SystemJobTemplate: _SYSTEM,
    SystemJob: _SYSTEM_JOB,
    Job: _JOB,
    AdHocCommand: _ad_hoc("inventory"),
    EnvironmentBuild: _BUILD,
    UnifiedJobTemplate: _of_kinds(TEMPLATE_KINDS),
    UnifiedJob: _both(_ANY_JOB, _of_kinds(JOB_KINDS)),
    JobHostSummary: {
        "read": _of_kinds({"job": _JOB}, "job__kind", "job")["read"],
    },
    # To delete one takes a superuser.
    HostMetric: {"read": _any("system")},
    HostMetricSummaryMonthly: {"read": _any("system")},
    JobEvent: {"read": _of_kinds(_WITH_EVENTS, "job__kind", "job")["read"]},
    NotificationTemplate: {
        "read": _any(On("notificationtemplate", "read_role")),
        "add": _any(_org("notification_admin_role")),
        **dict.fromkeys(
            ("change", "delete", "start"), _any(On("notificationtemplate", "admin_role"))
        ),
    },
    Notification: {
        "read": _any(On("notificationtemplate", "read_role", "notification_template")),
    },
    # It is its template's, and sending it again is starting that.
    WebhookDelivery: {verb: _OF_TEMPLATE[verb] for verb in ("read", "start")},
    ActivityStream: {"read": _any("concerned")},
}


def _for(verb: str, grant: Grant) -> Grant:
    """A permission to delete or to add is one of its own; on what the row belongs to, a change."""
    own = isinstance(grant, On) and (not grant.path or grant.kind == "organization")
    if isinstance(grant, On) and own and verb in ("add", "delete"):
        return replace(grant, verb=verb)
    return grant


RULES = {
    model: {verb: frozenset(_for(verb, g) for g in grants) for verb, grants in rules.items()}
    for model, rules in RULES.items()
}

# The foreign key to a row's "owner", where it is not of that name.
OWNER: dict[type[Model], str] = {OAuth2AccessToken: "user"}
# From a row to its organization, of which "shared" says that it is none.
SHARED: dict[type[Model], str] = {
    ExecutionEnvironment: "organization",
    EnvironmentDefinition: "environment__organization",
    EnvironmentDigest: "environment__organization",
}
