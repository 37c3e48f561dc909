"""Instances, the seats that controllers work from, and the groups that jobs are kept to.

An instance is a name with what people set for it; it stays when its controller ends. `holder` is
the controller process that sits there now: the owner of its leases. AWX: awx/main/models/ha.py.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import QuerySet

from gantry.resources.base import Recorded, in_order_of_attaching

DEFAULT, CONTROL_PLANE = "default", "controlplane"
BUILT_IN = (CONTROL_PLANE, DEFAULT)
READY, UNAVAILABLE = "ready", "unavailable"
NODE_TYPES = [
    ("control", "Control plane node"),
    ("execution", "Execution plane node"),
    ("hybrid", "Controller and execution"),
    ("hop", "Message-passing node, no execution capability"),
]
NODE_STATES = [
    ("provisioning", "Provisioning"),
    ("provision-fail", "Provisioning Failure"),
    ("installed", "Installed"),
    (READY, "Ready"),
    (UNAVAILABLE, "Unavailable"),
    ("deprovisioning", "De-provisioning"),
    ("deprovision-fail", "De-provisioning Failure"),
]


class Instance(Recorded):
    """`cpu` cores and `memory` bytes are those of the machine that its pods run on; the capacities
    are forks, as AWX counts them (gantry.resources.capacity)."""

    uuid = models.UUIDField(default=uuid.uuid4)
    hostname = models.CharField(max_length=250, unique=True)
    ip_address = models.CharField(max_length=50, blank=True, default="")
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)
    version = models.CharField(max_length=120, blank=True, default="")
    cpu = models.DecimalField(max_digits=5, decimal_places=1, default=Decimal(0), editable=False)
    memory = models.BigIntegerField(default=0, editable=False)
    errors = models.TextField(blank=True, default="", editable=False)
    last_seen = models.DateTimeField(null=True, editable=False)
    health_check_started = models.DateTimeField(null=True, editable=False)
    last_health_check = models.DateTimeField(null=True, editable=False)
    capacity = models.PositiveIntegerField(default=0, editable=False)
    capacity_adjustment = models.DecimalField(
        max_digits=3, decimal_places=2, default=Decimal("1.00"), validators=[MinValueValidator(0)]
    )
    enabled = models.BooleanField(default=True)
    managed_by_policy = models.BooleanField(default=True)
    cpu_capacity = models.IntegerField(default=0, editable=False)
    mem_capacity = models.IntegerField(default=0, editable=False)
    node_type = models.CharField(max_length=16, choices=NODE_TYPES, default="hybrid")
    node_state = models.CharField(max_length=16, choices=NODE_STATES, default=READY)
    managed = models.BooleanField(default=True, editable=False)

    holder = models.UUIDField(null=True, unique=True, editable=False)
    machine = models.CharField(max_length=240, blank=True, default="", editable=False)
    pid = models.IntegerField(default=0, editable=False)
    most_jobs = models.PositiveIntegerField(default=0, editable=False)  # its GANTRY_CAPACITY
    # What its controllers recorded in all; how long a batch of events took at most, in seconds,
    # between its last two heartbeats.
    events_recorded = models.BigIntegerField(default=0, editable=False)
    event_lag = models.FloatField(default=0, editable=False)

    class Meta:
        ordering = ["hostname"]

    def __str__(self) -> str:
        return self.hostname


class InstanceGroup(Recorded):
    """Where jobs may run: some instances, or a Kubernetes cluster (a container group)."""

    name = models.CharField(max_length=250, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)
    instances = models.ManyToManyField(Instance, related_name="rampart_groups", editable=False)
    is_container_group = models.BooleanField(default=False)
    credential = models.ForeignKey(
        "Credential", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="instancegroups",
    )  # fmt: skip
    pod_spec_override = models.TextField(blank=True, default="")
    # 0: no limit.
    max_concurrent_jobs = models.PositiveIntegerField(default=0)
    max_forks = models.PositiveIntegerField(default=0)
    policy_instance_percentage = models.PositiveIntegerField(default=0)
    policy_instance_minimum = models.PositiveIntegerField(default=0)
    policy_instance_list = models.JSONField(default=list, blank=True)  # host names

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


def in_order(row: Any) -> QuerySet[InstanceGroup]:
    """The groups of a template, an inventory or an organization, in the order in which they were
    put there: a job tries them in that order. `attached` is the place."""
    return in_order_of_attaching(row, "instance_groups")
