"""AWX's roles as data: which roles a kind of object has, what each means and which imply which.

`PARENTS[kind][role]` names the roles whose holders hold this one too: "admin_role" on the same
object, "organization.auditor_role" on its organization, "system_auditor" everywhere. Rows are in
roles.py, the questions in access.py. AWX: the ImplicitRoleFields of awx/main/models.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

SYSTEM_ADMINISTRATOR = "system_administrator"
SYSTEM_AUDITOR = "system_auditor"
SYSTEM = (SYSTEM_ADMINISTRATOR, SYSTEM_AUDITOR)
# Of an organization, and of people alone: never a team's.
USER_ONLY = ("admin_role", "member_role")

# In AWX's order, which is the order of `object_roles` in its answers.
PARENTS: dict[str, dict[str, tuple[str, ...]]] = {
    "organization": {
        "admin_role": (SYSTEM_ADMINISTRATOR,),
        "execute_role": ("admin_role",),
        "project_admin_role": ("admin_role",),
        "inventory_admin_role": ("admin_role",),
        "credential_admin_role": ("admin_role",),
        "workflow_admin_role": ("admin_role",),
        "notification_admin_role": ("admin_role",),
        "job_template_admin_role": ("admin_role",),
        "execution_environment_admin_role": ("admin_role",),
        "auditor_role": (SYSTEM_AUDITOR,),
        "member_role": ("admin_role",),
        "read_role": (
            "member_role", "auditor_role", "execute_role", "project_admin_role",
            "inventory_admin_role", "workflow_admin_role", "notification_admin_role",
            "credential_admin_role", "job_template_admin_role", "approval_role",
            "execution_environment_admin_role",
        ),
        "approval_role": ("admin_role",),
    },
    "team": {
        "admin_role": ("organization.admin_role",),
        "member_role": ("admin_role",),
        "read_role": ("organization.auditor_role", "member_role"),
    },
    "project": {
        "admin_role": ("organization.project_admin_role", SYSTEM_ADMINISTRATOR),
        "use_role": ("admin_role",),
        "update_role": ("admin_role",),
        "read_role": ("organization.auditor_role", SYSTEM_AUDITOR, "use_role", "update_role"),
    },
    "inventory": {
        "admin_role": ("organization.inventory_admin_role",),
        "update_role": ("admin_role",),
        "adhoc_role": ("admin_role",),
        "use_role": ("adhoc_role",),
        "read_role": ("organization.auditor_role", "update_role", "use_role", "admin_role"),
    },
    "credential": {
        "admin_role": (SYSTEM_ADMINISTRATOR, "organization.credential_admin_role"),
        "use_role": ("admin_role",),
        "read_role": (SYSTEM_AUDITOR, "organization.auditor_role", "use_role", "admin_role"),
    },
    "instancegroup": {
        "admin_role": (SYSTEM_ADMINISTRATOR,),
        "use_role": ("admin_role",),
        "read_role": (SYSTEM_AUDITOR, "use_role", "admin_role"),
    },
    "jobtemplate": {
        "admin_role": ("organization.job_template_admin_role",),
        "execute_role": ("admin_role", "organization.execute_role"),
        "read_role": ("organization.auditor_role", "execute_role", "admin_role"),
    },
    "workflowjobtemplate": {
        "admin_role": (SYSTEM_ADMINISTRATOR, "organization.workflow_admin_role"),
        "execute_role": ("admin_role", "organization.execute_role"),
        "read_role": (
            SYSTEM_AUDITOR, "organization.auditor_role", "execute_role", "admin_role",
            "approval_role",
        ),
        "approval_role": ("organization.approval_role", "admin_role"),
    },
}  # fmt: skip

# Kinds without roles of their own, for which the roles of their organization do.
ROLELESS: dict[str, dict[str, tuple[str, ...]]] = {
    "executionenvironment": {
        "admin_role": ("organization.execution_environment_admin_role",),
        "read_role": ("organization.read_role", "admin_role"),
    },
    "notificationtemplate": {
        "admin_role": ("organization.notification_admin_role",),
        "read_role": ("organization.auditor_role", "admin_role"),
    },
}

NAMES = {
    SYSTEM_ADMINISTRATOR: "System Administrator",
    SYSTEM_AUDITOR: "System Auditor",
    "adhoc_role": "Ad Hoc",
    "admin_role": "Admin",
    "project_admin_role": "Project Admin",
    "inventory_admin_role": "Inventory Admin",
    "credential_admin_role": "Credential Admin",
    "job_template_admin_role": "Job Template Admin",
    "execution_environment_admin_role": "Execution Environment Admin",
    "workflow_admin_role": "Workflow Admin",
    "notification_admin_role": "Notification Admin",
    "auditor_role": "Auditor",
    "execute_role": "Execute",
    "member_role": "Member",
    "read_role": "Read",
    "update_role": "Update",
    "use_role": "Use",
    "approval_role": "Approve",
}
_DESCRIPTIONS = {
    SYSTEM_ADMINISTRATOR: "Can manage all aspects of the system",
    SYSTEM_AUDITOR: "Can view all aspects of the system",
    "adhoc_role": "May run ad hoc commands on the {}",
    "admin_role": "Can manage all aspects of the {}",
    "project_admin_role": "Can manage all projects of the {}",
    "inventory_admin_role": "Can manage all inventories of the {}",
    "credential_admin_role": "Can manage all credentials of the {}",
    "job_template_admin_role": "Can manage all job templates of the {}",
    "execution_environment_admin_role": "Can manage all execution environments of the {}",
    "workflow_admin_role": "Can manage all workflows of the {}",
    "notification_admin_role": "Can manage all notifications of the {}",
    "auditor_role": "Can view all aspects of the {}",
    "execute_role": "May run the {}",
    "member_role": "User is a member of the {}",
    "read_role": "May view settings for the {}",
    "update_role": "May update the {}",
    "use_role": "Can use the {} in a job template",
    "approval_role": "Can approve or deny a workflow approval node",
}
_OF_AN_ORGANIZATION = {"execute_role": "May run any executable resources in the organization"}
# What a description calls a kind of object.
WORDS = {
    "jobtemplate": "job template", "instancegroup": "instance group",
    "workflowjobtemplate": "workflow job template",
}  # fmt: skip


def describe(kind: str, role: str) -> str:
    if kind == "organization" and role in _OF_AN_ORGANIZATION:
        return _OF_AN_ORGANIZATION[role]
    return _DESCRIPTIONS[role].format(WORDS.get(kind, kind))


@dataclass(frozen=True)
class Implied:
    """Every role whose holder holds a certain role too, that role included."""

    own: frozenset[str]  # on the object itself
    organization: frozenset[str]  # on its organization
    system: frozenset[str]


@cache
def implied_by(kind: str, role: str) -> Implied:
    own: set[str] = set()
    organization: set[str] = set()
    system: set[str] = set()
    todo = [role]
    names = PARENTS.get(kind) or ROLELESS.get(kind, {})
    while todo:
        name = todo.pop()
        if name in SYSTEM:
            system.add(name)
        elif name.startswith("organization."):
            above = implied_by("organization", name.removeprefix("organization."))
            organization |= above.own
            system |= above.system
        elif name not in own:
            own.add(name)
            todo += names.get(name, ())
    return Implied(frozenset(own), frozenset(organization), frozenset(system))
