"""Users, organizations and teams. Who belongs to which is said by roles: roles.py."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models

from gantry.resources.actor import silently
from gantry.resources.base import PREFLIGHT_POLICIES, Owned, Recorded
from gantry.resources.notifications import Notified
from gantry.resources.roles import Role, role_on


class User(Recorded, AbstractUser):
    """AWX's user: superuser, system auditor, or what their organizations let them do."""

    email = models.EmailField(blank=True, default="")
    is_system_auditor = models.BooleanField(default=False)
    modified = models.DateTimeField(auto_now=True)
    # Who logs in by a directory, and by a provider: "issuer subject".
    directory_dn = models.CharField(max_length=1024, blank=True, default="", editable=False)
    oidc_subject = models.CharField(max_length=1024, blank=True, default="", editable=False)

    class Meta:
        ordering = ["username"]
        constraints = [
            models.UniqueConstraint(
                fields=["oidc_subject"], name="user_oidc_subject",
                condition=~models.Q(oidc_subject=""),
            )
        ]  # fmt: skip

    def check_password(self, raw_password: str | None) -> bool:
        """What is hashed anew at a login, since how to hash has changed, is the same password."""
        with silently():
            return super().check_password(raw_password)

    @property
    def organizations(self) -> models.QuerySet[Organization]:
        """Those that they were made a member of."""
        return _organizations(self, "member_role")

    @property
    def admin_of_organizations(self) -> models.QuerySet[Organization]:
        return _organizations(self, "admin_role")


class Organization(Owned, Notified):
    """The owner of everything else. `ca_bundle` (PEM) is trusted inside all of its pods."""

    name = models.CharField(max_length=512, unique=True)
    max_hosts = models.PositiveIntegerField(default=0, blank=True)
    custom_virtualenv = models.CharField(max_length=100, null=True, blank=True, default=None)
    default_environment = models.ForeignKey(
        "ExecutionEnvironment", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    ca_bundle = models.TextField(blank=True, default="")
    # Registries its jobs' images may come from, `host[:port][/path]`; empty: any.
    allowed_registries = models.JSONField(default=list, blank=True)
    # PEM public keys; when there are any, only images signed by one of them run.
    signature_keys = models.TextField(blank=True, default="")
    preflight = models.CharField(max_length=8, choices=PREFLIGHT_POLICIES, default="warn")
    # Of all its jobs at a time; 0: no limit.
    max_concurrent_jobs = models.PositiveIntegerField(default=0)
    max_forks = models.PositiveIntegerField(default=0)
    instance_groups = models.ManyToManyField(
        "resources.InstanceGroup", blank=True, related_name="+"
    )
    # Where its projects' roles and collections come from, asked in this order.
    galaxy_credentials = models.ManyToManyField(
        "resources.Credential", blank=True, related_name="organization_galaxy_credentials"
    )
    notification_templates_approvals = models.ManyToManyField(
        "resources.NotificationTemplate", blank=True,
        related_name="organization_notification_templates_for_approvals",
    )  # fmt: skip

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def users(self) -> Any:
        """Its members, as a manager of them: `add`, `remove`, `all`."""
        return role_on(self, "member_role").members

    @property
    def admins(self) -> Any:
        return role_on(self, "admin_role").members


def _organizations(user: User, role: str) -> models.QuerySet[Organization]:
    held = Role.objects.filter(kind="organization", role_field=role, members=user)
    return Organization.objects.filter(pk__in=held.values("object_id"))


class Team(Owned):
    """People of an organization who are given roles together."""

    name = models.CharField(max_length=512)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="teams")

    class Meta:
        ordering = ["organization__name", "name"]
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="team_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def users(self) -> Any:
        """Its members, as a manager of them."""
        return role_on(self, "member_role").members
