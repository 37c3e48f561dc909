"""Inventories, hosts and groups, and the snapshot that a job carries."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from gantry.resources.base import Owned

INVENTORY_KINDS = [
    ("", "Hosts have a direct link to this inventory."),
    ("smart", "Hosts for inventory generated using the host_filter property."),
    (
        "constructed",
        "Parse list of source inventories with the constructed inventory plugin.",
    ),
]


class Inventory(Owned):
    name = models.CharField(max_length=512)
    organization = models.ForeignKey(
        "Organization", on_delete=models.CASCADE, related_name="inventories"
    )
    kind = models.CharField(max_length=32, choices=INVENTORY_KINDS, blank=True, default="")
    host_filter = models.TextField(null=True, blank=True, default=None)
    variables = models.TextField(blank=True, default="")
    prevent_instance_group_fallback = models.BooleanField(default=False)
    instance_groups = models.ManyToManyField(
        "resources.InstanceGroup", blank=True, related_name="+"
    )
    labels: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        "Label", blank=True, related_name="inventory_labels"
    )
    input_inventories: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        "self", through="InputInventory", symmetrical=False, blank=True,
        related_name="destination_inventories",
    )  # fmt: skip

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "inventories"
        constraints = [
            models.UniqueConstraint(fields=["name", "organization"], name="inventory_name")
        ]

    def __str__(self) -> str:
        return self.name


class InputInventory(models.Model):
    """One of the inventories, in their order, that a constructed one is made of."""

    constructed = models.ForeignKey(Inventory, on_delete=models.CASCADE, related_name="inputs")
    inventory = models.ForeignKey(
        Inventory, on_delete=models.CASCADE, related_name="constructed_with"
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["constructed", "inventory"], name="input_inventory")
        ]

    def __str__(self) -> str:
        return f"{self.inventory_id} in {self.constructed_id}"


class Host(Owned):
    """One managed node. `variables` is YAML or JSON text, as people wrote it."""

    name = models.CharField(max_length=512)
    inventory = models.ForeignKey(Inventory, on_delete=models.CASCADE, related_name="hosts")
    enabled = models.BooleanField(default=True)
    instance_id = models.CharField(max_length=1024, blank=True, default="")
    variables = models.TextField(blank=True, default="")
    last_job = models.ForeignKey(
        "Job", null=True, on_delete=models.SET_NULL, related_name="hosts_as_last_job+",
        editable=False,
    )  # fmt: skip
    ansible_facts_modified = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["name", "inventory"], name="host_name")]

    def __str__(self) -> str:
        return self.name


class HostFacts(models.Model):
    """What ansible last found out about a host; apart from it, since facts are large."""

    host = models.OneToOneField(
        Host, primary_key=True, on_delete=models.CASCADE, related_name="kept_facts"
    )
    facts = models.JSONField(default=dict)

    class Meta:
        indexes = [GinIndex(fields=["facts"], name="host_facts", opclasses=["jsonb_path_ops"])]

    def __str__(self) -> str:
        return f"facts of host {self.host_id}"


class Group(Owned):
    name = models.CharField(max_length=512)
    inventory = models.ForeignKey(Inventory, on_delete=models.CASCADE, related_name="groups")
    variables = models.TextField(blank=True, default="")
    hosts = models.ManyToManyField(Host, blank=True, related_name="groups")
    children = models.ManyToManyField("self", symmetrical=False, blank=True, related_name="parents")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["name", "inventory"], name="group_name")]

    def __str__(self) -> str:
        return self.name


class InventorySnapshot(models.Model):
    """What a job's inventory was, addressed by content: zlib-compressed JSON of the script form."""

    inventory = models.ForeignKey(
        Inventory, null=True, on_delete=models.SET_NULL, related_name="snapshots"
    )
    sha256 = models.CharField(max_length=64, unique=True)
    data = models.BinaryField()
    host_count = models.PositiveIntegerField()
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.sha256[:12]
