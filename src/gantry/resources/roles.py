"""Roles as rows: who holds which role on which object. Names and what implies what: role_names.py.

Every organization, team, project, inventory, credential and job template has one row for each role
of its kind, made with it and gone with it. Two more rows stand for the system's roles; who holds
those is said by the user's own flags (`is_superuser`, `is_system_auditor`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models.signals import post_delete, post_save
from django.utils.functional import cached_property

from gantry.resources.role_names import NAMES, PARENTS, SYSTEM, USER_ONLY, describe

DEFINED = "definition_"  # begins the names of roles that are made of permissions
FLAGS = {"system_administrator": "is_superuser", "system_auditor": "is_system_auditor"}


class Role(models.Model):
    """A role on one object: `kind` and `object_id` say which, and are empty for the system's."""

    kind = models.CharField(max_length=32, blank=True, default="")
    object_id = models.PositiveBigIntegerField(null=True, default=None)
    role_field = models.CharField(max_length=128)
    members: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        "User", related_name="roles", blank=True, through="RoleUserAssignment",
        through_fields=("role", "user"),
    )  # fmt: skip
    teams: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        "Team", related_name="roles", blank=True, through="RoleTeamAssignment"
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "object_id", "role_field"], name="role_of_object",
                nulls_distinct=False,
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id} {self.role_field}".strip()

    @property
    def name(self) -> str:
        return str(self.definition.name) if self.defined else NAMES[self.role_field]

    @property
    def description(self) -> str:
        if self.defined:
            return str(self.definition.description)
        return describe(self.kind, self.role_field)

    @property
    def defined(self) -> bool:
        """Whether it is one that a role definition made: role_definitions.py."""
        return self.role_field.startswith(DEFINED)

    @cached_property
    def definition(self) -> Any:
        definitions = self._meta.apps.get_model("resources", "RoleDefinition")
        return definitions.objects.get(kind=self.kind, role_field=self.role_field)

    @property
    def system(self) -> bool:
        return self.role_field in SYSTEM

    @property
    def user_only(self) -> bool:
        """Of people alone, never of a team: to belong to an organization, or to administer it."""
        return self.kind == "organization" and self.role_field in USER_ONLY

    @property
    def content_object(self) -> Any:
        """The object that it is a role on; a page of roles reads them by `with_objects`."""
        if not hasattr(self, "_object"):
            with_objects([self])
        return self._object

    @content_object.setter
    def content_object(self, row: Any) -> None:
        self._object = row


def kind_of(model: type[models.Model]) -> str | None:
    """The kind of a model that has roles."""
    name = model._meta.model_name or ""
    return name if name in PARENTS else None


def model_of(kind: str) -> Any:
    return Role._meta.apps.get_model("resources", kind)


def with_objects(roles: Iterable[Role]) -> None:
    """Give each role its object, in one query a kind."""
    wanted: dict[str, list[Role]] = defaultdict(list)
    for role in roles:
        role.content_object = None
        if role.kind:
            wanted[role.kind].append(role)
    for kind, some in wanted.items():
        model = model_of(kind)
        rows = model._default_manager.all()
        if any(f.name == "organization" for f in model._meta.fields):
            rows = rows.select_related("organization")
        found = rows.in_bulk({role.object_id for role in some})
        for role in some:
            role.content_object = found.get(role.object_id)


def permissions_of(names: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """What roles that definitions made are made of: (kind, role's name) -> permissions."""
    definitions = Role._meta.apps.get_model("resources", "RoleDefinition")
    rows = definitions.objects.filter(role_field__in=names)
    return {(row.kind, row.role_field): row.permissions for row in rows}


def make_roles(kind: str, ids: Iterable[int]) -> None:
    Role.objects.bulk_create(
        [Role(kind=kind, object_id=pk, role_field=name) for pk in ids for name in PARENTS[kind]],
        ignore_conflicts=True,
    )


def roles_of(rows: Iterable[models.Model]) -> dict[int, dict[str, Role]]:
    """The roles of rows of one kind: id -> role's name -> role. In one query."""
    rows = list(rows)
    kind = kind_of(type(rows[0])) if rows else None
    if kind is None:
        return {}
    ids = [row.pk for row in rows]
    found = _by_object(kind, ids)
    missing = [pk for pk in ids if len(found.get(pk, ())) < len(PARENTS[kind])]
    if missing:  # made in bulk, which sends no signal
        make_roles(kind, missing)
        found = _by_object(kind, ids)
    return found


def _by_object(kind: str, ids: list[int]) -> dict[int, dict[str, Role]]:
    by_object: dict[int, dict[str, Role]] = defaultdict(dict)
    for role in Role.objects.filter(kind=kind, object_id__in=ids):
        by_object[role.object_id or 0][role.role_field] = role
    return {
        pk: {name: some[name] for name in PARENTS[kind] if name in some}
        for pk, some in by_object.items()
    }


def role_on(row: models.Model, name: str) -> Role:
    return roles_of([row])[row.pk][name]


def system_role(name: str) -> Role:
    return Role.objects.get_or_create(kind="", object_id=None, role_field=name)[0]


def watch(model: type[models.Model]) -> None:
    """Roles come and go with the rows of this model."""
    post_save.connect(_made, model, dispatch_uid=f"roles of {model._meta.model_name}")
    post_delete.connect(_gone, model, dispatch_uid=f"roles of {model._meta.model_name}")


def _made(sender: type[models.Model], instance: Any, created: bool, **more: Any) -> None:
    kind = kind_of(sender)
    if not created or kind is None:
        return
    make_roles(kind, [instance.pk])
    owner = getattr(instance, "owner_id", None)
    if owner is not None:
        # AWX: a private credential is one whose administrator is its owner.
        role_on(instance, "admin_role").members.add(owner)


def _gone(sender: type[models.Model], instance: Any, **more: Any) -> None:
    Role.objects.filter(kind=sender._meta.model_name, object_id=instance.pk).delete()
