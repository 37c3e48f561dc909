"""Inventory sources, where an inventory's hosts come from, and the updates that bring them."""

from __future__ import annotations

from typing import Any

from django.db import models

from gantry.resources.credentials import Credential
from gantry.resources.inventories import Group, Host, Inventory
from gantry.resources.jobs import UnifiedJob
from gantry.resources.projects import Project
from gantry.resources.templates import UnifiedJobTemplate

# AWX main/models/inventory.py, InventorySourceOptions.
SOURCES = [
    ("file", "File, Directory or Script"),
    ("constructed", "Template additional groups and hostvars at runtime"),
    ("scm", "Sourced from a Project"),
    ("ec2", "Amazon EC2"),
    ("gce", "Google Compute Engine"),
    ("azure_rm", "Microsoft Azure Resource Manager"),
    ("vmware", "VMware vCenter"),
    ("satellite6", "Red Hat Satellite 6"),
    ("openstack", "OpenStack"),
    ("rhv", "Red Hat Virtualization"),
    ("controller", "Red Hat Ansible Automation Platform"),
    ("insights", "Red Hat Insights"),
    ("terraform", "Terraform State"),
    ("openshift_virtualization", "OpenShift Virtualization"),
]
CLOUDS = tuple(name for name, _ in SOURCES if name not in ("file", "constructed", "scm"))
VERBOSITIES = [(0, "0 (WARNING)"), (1, "1 (INFO)"), (2, "2 (DEBUG)")]
# What no source may set in the environment of its plug-in. AWX: INV_ENV_VARIABLE_BLOCKED.
BLOCKED_VARIABLES = ("HOME", "USER", "_", "TERM", "PATH")


class SourceOptions(models.Model):
    """What decides how hosts are read and taken over; the same on a source and on its update."""

    source = models.CharField(max_length=32, choices=SOURCES, default=None)
    source_path = models.CharField(max_length=1024, blank=True, default="")
    source_vars = models.TextField(
        blank=True, default="", help_text="Inventory source variables in YAML or JSON format."
    )
    scm_branch = models.CharField(
        max_length=1024, blank=True, default="",
        help_text="Inventory source SCM branch. Project default used if blank. Only allowed if "
        "project allow_override field is set to true.",
    )  # fmt: skip
    enabled_var = models.TextField(
        blank=True, default="",
        help_text="The variable of a host that says whether it is enabled; dots lead into nested "
        "variables.",
    )  # fmt: skip
    enabled_value = models.TextField(
        blank=True, default="",
        help_text="The value of enabled_var with which a host is enabled. A host without the "
        "variable is.",
    )  # fmt: skip
    host_filter = models.TextField(
        blank=True, default="",
        help_text="This field is deprecated and will be removed in a future release. Regex where "
        "only matching hosts will be imported.",
    )  # fmt: skip
    overwrite = models.BooleanField(
        default=False,
        help_text="Overwrite local groups and hosts from remote inventory source.",
    )
    overwrite_vars = models.BooleanField(
        default=False, help_text="Overwrite local variables from remote inventory source."
    )
    timeout = models.IntegerField(
        blank=True, default=0,
        help_text="The amount of time (in seconds) to run before the task is canceled.",
    )  # fmt: skip
    verbosity = models.PositiveIntegerField(choices=VERBOSITIES, blank=True, default=1)
    limit = models.TextField(blank=True, default="", help_text="Enter host, group or pattern match")
    credentials = models.ManyToManyField(Credential, blank=True, related_name="%(class)ss")

    class Meta:
        abstract = True

    def cloud_credential(self) -> Credential | None:
        """The one that the source's own plug-in logs in with."""
        return cloud_credential(self.source, self.credentials.all())


def cloud_credential(source: str, credentials: Any) -> Credential | None:
    for credential in credentials:
        kind = credential.credential_type
        if source in CLOUDS:
            if kind.namespace == namespace_of(source):
                return credential  # type: ignore[no-any-return]
        elif kind.kind != "vault":
            return credential  # type: ignore[no-any-return]
    return None


def namespace_of(source: str) -> str:
    """Of the credential type that a cloud source wants."""
    return "aws" if source == "ec2" else source


def credential_refused(source: str, credential: Credential | None) -> str:
    """Why a source may not have this credential, in AWX's words; "" when it may."""
    kind = credential.credential_type if credential is not None else None
    if kind is not None and source not in ("scm", "openshift_virtualization"):
        if kind.namespace != namespace_of(source):
            return (
                f"Cloud-based inventory sources (such as {source}) require credentials for the "
                "matching cloud service."
            )
    elif kind is None:
        if source in CLOUDS and source not in ("ec2", "openshift_virtualization"):
            return "Credential is required for a cloud source."
    elif source == "scm" and kind.kind in ("insights", "vault"):
        return "Credentials of type insights and vault are disallowed for scm inventory sources."
    elif source == "openshift_virtualization" and kind.kind != "kubernetes":
        return (
            "Credentials of type kubernetes is requred for openshift_virtualization inventory "
            "sources."
        )
    return ""


class InventorySource(UnifiedJobTemplate, SourceOptions):
    """Where hosts of an inventory come from: a file of a project, or a cloud's plug-in."""

    unifiedjobtemplate_ptr = models.OneToOneField(
        UnifiedJobTemplate, on_delete=models.CASCADE, parent_link=True,
        related_name="as_inventory_source",
    )  # fmt: skip
    inventory = models.ForeignKey(
        Inventory, on_delete=models.CASCADE, related_name="inventory_sources"
    )
    source_project = models.ForeignKey(
        Project, null=True, blank=True, default=None, on_delete=models.CASCADE,
        related_name="scm_inventory_sources",
        help_text="Project containing inventory file used as source.",
    )  # fmt: skip
    update_on_launch = models.BooleanField(default=False)
    update_cache_timeout = models.PositiveIntegerField(default=0)
    custom_virtualenv = models.CharField(max_length=100, null=True, blank=True, default=None)
    # What its updates have brought; `overwrite` removes none but these.
    hosts = models.ManyToManyField(
        Host, blank=True, editable=False, related_name="inventory_sources"
    )
    groups = models.ManyToManyField(
        Group, blank=True, editable=False, related_name="inventory_sources"
    )

    class Meta:
        ordering = ["inventory", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def can_update(self) -> bool:
        if self.source == "scm":
            return self.source_project_id is not None
        if self.source == "gce":
            return self.cloud_credential() is not None
        return self.source != "file"


def make_constructed_source(inventory: Inventory) -> InventorySource:
    """The one source of a constructed inventory; AWX: Inventory._enforce_constructed_source."""
    return InventorySource.objects.create(
        kind="inventory_source", name=f"Auto-created source for: {inventory.name}"[:512],
        source="constructed", inventory=inventory, organization=inventory.organization,
        overwrite=True, overwrite_vars=True, update_on_launch=True,
        created_by=inventory.created_by, modified_by=inventory.modified_by,
    )  # fmt: skip


class InventoryUpdate(UnifiedJob, SourceOptions):
    """A run of `ansible-inventory` in a pod, whose hosts and groups the inventory takes over."""

    unifiedjob_ptr = models.OneToOneField(
        UnifiedJob, on_delete=models.CASCADE, parent_link=True, related_name="as_inventory_update"
    )
    inventory = models.ForeignKey(
        Inventory, null=True, on_delete=models.CASCADE, related_name="inventory_updates"
    )
    inventory_source = models.ForeignKey(
        InventorySource, on_delete=models.CASCADE, related_name="inventory_updates"
    )
    source_project_update = models.ForeignKey(
        "ProjectUpdate", null=True, on_delete=models.SET_NULL,
        related_name="scm_inventory_updates",
    )  # fmt: skip
    project_snapshot = models.ForeignKey(
        "ProjectSnapshot", null=True, on_delete=models.SET_NULL, related_name="inventory_updates"
    )
    scm_revision = models.CharField(max_length=1024, blank=True, default="")
    # What was taken over, in numbers; null until it was.
    imported = models.JSONField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})"
