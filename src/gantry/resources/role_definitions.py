"""Role definitions, and who was given which: AWX's newer names for what roles.py keeps.

A definition and a role are one thing: `kind` and `role_field` of a definition are those of the
rows of Role that it shows as. A managed definition is a role of role_names.py; one that somebody
made has a role of its own, of which there is a row for each object that it was given on. An
assignment is the row by which a person or a team holds a role, so whichever way a role was given,
both see it.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from gantry.resources.actor import actor_id
from gantry.resources.base import Owned
from gantry.resources.role_permissions import managed
from gantry.resources.roles import DEFINED, Role


class RoleDefinition(Owned):
    """`permissions` are AWX's codenames without prefix, e.g. "use_inventory"."""

    name = models.TextField(unique=True)
    kind = models.CharField(max_length=64)  # of the objects it can be given on
    role_field = models.CharField(max_length=128, default="", editable=False)
    permissions = models.JSONField(default=list)
    managed = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = "role definition"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        if not self.role_field:
            self.role_field = f"{DEFINED}{self.pk}"
            super().save(update_fields=["role_field"])

    @property
    def own(self) -> bool:
        """Whether its permissions stand for themselves, since no role of AWX does what it says."""
        return self.role_field.startswith(DEFINED)

    def roles(self) -> models.QuerySet[Role]:
        return Role.objects.filter(kind=self.kind, role_field=self.role_field)

    def role_on(self, row: models.Model) -> Role:
        return Role.objects.get_or_create(
            kind=self.kind, object_id=row.pk, role_field=self.role_field
        )[0]


class Assignment(models.Model):
    """`role` was given by `created_by`, where that was a person."""

    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        "resources.User", null=True, default=actor_id, on_delete=models.SET_NULL,
        related_name="+", editable=False,
    )  # fmt: skip

    class Meta:
        abstract = True
        ordering = ["id"]


class RoleUserAssignment(Assignment):
    user = models.ForeignKey("resources.User", on_delete=models.CASCADE, related_name="+")

    class Meta(Assignment.Meta):
        db_table = "resources_role_members"
        unique_together = [("role", "user")]

    def __str__(self) -> str:
        return f"{self.role} of user {self.user_id}"


class RoleTeamAssignment(Assignment):
    team = models.ForeignKey("resources.Team", on_delete=models.CASCADE, related_name="+")

    class Meta(Assignment.Meta):
        db_table = "resources_role_teams"
        unique_together = [("role", "team")]

    def __str__(self) -> str:
        return f"{self.role} of team {self.team_id}"


def seed_definitions() -> None:
    """Bring the managed definitions up to date; what people made is left alone."""
    wanted = {d.name: d for d in managed()}
    known = {d.name: d for d in RoleDefinition.objects.filter(name__in=wanted)}
    RoleDefinition.objects.bulk_create(
        RoleDefinition(
            name=d.name, description=d.description, kind=d.kind, role_field=d.role_field,
            permissions=list(d.permissions), managed=True,
        )
        for d in wanted.values() if d.name not in known
    )  # fmt: skip
    for row in known.values():
        d = wanted[row.name]
        now = (d.description, d.kind, d.role_field, list(d.permissions))
        if row.managed and now != (row.description, row.kind, row.role_field, row.permissions):
            row.description, row.kind, row.role_field, row.permissions = now
            row.save()
