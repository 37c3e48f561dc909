"""Users and organizations, and who belongs to which."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models

from gantry.resources.base import PREFLIGHT_POLICIES, Owned


class User(AbstractUser):
    """AWX's user: superuser, system auditor, or what their organizations let them do."""

    email = models.EmailField(blank=True, default="")
    is_system_auditor = models.BooleanField(default=False)
    modified = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["username"]


class Organization(Owned):
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
    users = models.ManyToManyField(User, blank=True, related_name="organizations")
    admins = models.ManyToManyField(User, blank=True, related_name="admin_of_organizations")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
