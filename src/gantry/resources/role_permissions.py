"""AWX's permissions as data, what a role definition may be made of, and which permission does what
a role does. AWX: django-ansible-base's rbac, ANSIBLE_BASE_* in awx/settings/defaults.py.

A role definition is a set of these for one type of object. Those that AWX manages are the roles of
role_names.py under another name; of others each permission stands for itself (standing.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gantry.resources.role_names import PARENTS, describe, implied_by

# kind -> (prefix, name of its class, in words, what can be done).
TYPES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "project": (
        "awx", "Project", "project", ("add", "change", "delete", "view", "update", "use"),
    ),
    "team": ("shared", "Team", "team", ("add", "change", "delete", "view", "member")),
    "workflowjobtemplate": (
        "awx", "WorkflowJobTemplate", "workflow job template",
        ("add", "change", "delete", "view", "execute", "approve"),
    ),
    "jobtemplate": (
        "awx", "JobTemplate", "job template", ("change", "delete", "view", "execute"),
    ),
    "inventory": (
        "awx", "Inventory", "inventory",
        ("add", "change", "delete", "view", "use", "adhoc", "update"),
    ),
    "organization": (
        "shared", "Organization", "organization", ("change", "delete", "view", "member", "audit"),
    ),
    "credential": ("awx", "Credential", "credential", ("add", "change", "delete", "view", "use")),
    "notificationtemplate": (
        "awx", "NotificationTemplate", "notification template", ("add", "change", "delete", "view"),
    ),
    "executionenvironment": (
        "awx", "ExecutionEnvironment", "execution environment", ("add", "change", "delete"),
    ),
    "instancegroup": (
        "awx", "InstanceGroup", "instance group", ("change", "delete", "view", "use"),
    ),
}  # fmt: skip
ORGANIZATION = "organization"
_PLURALS = {"inventory": "inventories"}
# The roles of an organization that are about what it owns, and what that is.
CHILD_ROLES = {
    "project_admin_role": "project", "inventory_admin_role": "inventory",
    "credential_admin_role": "credential", "workflow_admin_role": "workflowjobtemplate",
    "notification_admin_role": "notificationtemplate", "job_template_admin_role": "jobtemplate",
    "execution_environment_admin_role": "executionenvironment",
}  # fmt: skip
_ACTIONS = {
    "admin_role": "change", "read_role": "view", "use_role": "use", "update_role": "update",
    "adhoc_role": "adhoc", "execute_role": "execute", "approval_role": "approve",
    "auditor_role": "audit", "member_role": "member",
}  # fmt: skip
_PLAIN = ("add", "change", "delete", "view", "audit")


def permission_for(kind: str, role: str, verb: str = "") -> str:
    """What, without a role, lets somebody do what `role` on a `kind` is asked for."""
    if kind == ORGANIZATION and role in CHILD_ROLES:
        action = verb if verb in ("add", "delete") else "change"
        return f"{action}_{CHILD_ROLES[role]}"
    if kind == ORGANIZATION and role in ("execute_role", "approval_role"):
        below = "jobtemplate" if role == "execute_role" else "workflowjobtemplate"
        return f"{_ACTIONS[role]}_{below}"
    if role == "admin_role" and verb == "delete":
        return f"delete_{kind}"
    return f"{_ACTIONS[role]}_{kind}"


def role_for(permission: str) -> str:
    """The role whose holders have this permission on the object itself."""
    action = permission.partition("_")[0]
    return next((role for role, a in _ACTIONS.items() if a == action), "admin_role")


def own_permissions(kind: str) -> list[str]:
    return [f"{action}_{kind}" for action in TYPES[kind][3]]


def allowed_permissions(kind: str) -> dict[str, list[str]]:
    """What a definition for objects of this kind may have: kind of object -> permissions."""
    allowed = {kind: [p for p in own_permissions(kind) if not p.startswith("add_")]}
    if kind == ORGANIZATION:
        allowed |= {k: own_permissions(k) for k in TYPES if k not in (kind, "instancegroup")}
    return allowed


def spelled(permission: str) -> str:
    """As AWX writes it: "awx.use_inventory"."""
    return f"{TYPES[permission.partition('_')[2]][0]}.{permission}"


def type_name(kind: str) -> str:
    return f"{TYPES[kind][0]}.{kind}"


ALL_PERMISSIONS = sorted(spelled(p) for kind in TYPES for p in own_permissions(kind))
ALL_TYPES = sorted((type_name(kind), t[2].title()) for kind, t in TYPES.items())


@dataclass(frozen=True)
class Managed:
    """A definition that every installation has."""

    name: str
    description: str
    kind: str
    role_field: str  # of role_names.py where there is such a role
    permissions: tuple[str, ...]


def managed() -> list[Managed]:
    found = [definition for kind in TYPES for definition in _of(kind)]
    everything = [p for kind in TYPES if kind != "instancegroup" for p in own_permissions(kind)]
    views = [p for p in everything if p.startswith("view_")]
    found += [
        _managed(
            "Organization Admin",
            "Has all permissions to a single organization and all objects inside of it",
            ORGANIZATION, "admin_role", everything,
        ),
        _managed(
            "Organization Audit",
            "Has permission to view all objects inside of a single organization",
            ORGANIZATION, "auditor_role", [*views, "audit_organization"],
        ),
    ]  # fmt: skip
    return found + _compatible({(d.kind, d.role_field) for d in found})


def _of(kind: str) -> list[Managed]:
    _, name, words, actions = TYPES[kind]
    plural = _PLURALS.get(kind, f"{words}s")
    own = own_permissions(kind)
    found = []
    if kind != ORGANIZATION:
        alone = [p for p in own if not p.startswith("add_")]
        about = f"Has all permissions to a single {words}"
        found.append(_managed(f"{name} Admin", about, kind, "admin_role", alone))
    if kind not in (ORGANIZATION, "instancegroup", "team"):
        role = next(r for r, k in CHILD_ROLES.items() if k == kind)
        about = f"Has all permissions to {plural} within an organization"
        perms = [*own, "view_organization"]
        found.append(_managed(f"Organization {name} Admin", about, ORGANIZATION, role, perms))
    for action in (a for a in actions if a not in _PLAIN):
        role = role_for(f"{action}_")
        about = f"Has {action} permissions to a single {words}"
        perms = [f"{action}_{kind}", f"view_{kind}"]
        found.append(_managed(f"{name} {action.title()}", about, kind, role, perms))
    return found


def _managed(name: str, about: str, kind: str, role: str, permissions: Iterable[str]) -> Managed:
    if role not in PARENTS.get(kind, ()):  # nothing has such a role: its permissions do it
        role = f"definition_{name.lower().replace(' ', '_')}"
    return Managed(name, about, kind, role, tuple(permissions))


def _compatible(known: set[tuple[str, str]]) -> list[Managed]:
    """Roles for which AWX makes a definition when somebody is given one."""
    return [
        Managed(
            f"{TYPES[kind][1]} {role.rpartition('_')[0].replace('_', ' ').title()} Compat",
            describe(kind, role), kind, role, tuple(permissions_of_role(kind, role)),
        )
        for kind in PARENTS
        for role in PARENTS[kind]
        if kind in TYPES and (kind, role) not in known
    ]  # fmt: skip


def permissions_of_role(kind: str, role: str) -> list[str]:
    """What the holders of a role may do: on the object, or on what an organization owns."""
    found: dict[str, None] = {}
    for below in PARENTS:
        for name in PARENTS[below] if below in TYPES else ():
            implied = implied_by(below, name)
            if role in (implied.own if below == kind else ()) or (
                kind == ORGANIZATION and role in implied.organization
            ):
                actions = ("change", "delete") if name == "admin_role" else (_ACTIONS.get(name),)
                found |= {f"{a}_{below}": None for a in actions if a in TYPES[below][3]}
    return list(found)
