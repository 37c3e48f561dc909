"""Ad hoc commands: one module of ansible, run on hosts of an inventory without any playbook."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from gantry.resources.base import JOB_TYPES, VERBOSITIES
from gantry.resources.jobs import UnifiedJob

LONGEST_NAME = 512


class AdHocCommand(UnifiedJob):
    """One run of one module. It has no template: everything it needs is on its row."""

    # AWX gives these no time limit, neither of their own nor the installation's.
    timeout: ClassVar[int] = -1

    unifiedjob_ptr = models.OneToOneField(
        UnifiedJob, on_delete=models.CASCADE, parent_link=True, related_name="as_ad_hoc_command"
    )
    job_type = models.CharField(max_length=64, choices=JOB_TYPES, default="run")
    inventory = models.ForeignKey(
        "Inventory", null=True, blank=True, on_delete=models.SET_NULL,
        related_name="ad_hoc_commands",
    )  # fmt: skip
    limit = models.TextField(blank=True, default="")
    credential = models.ForeignKey(
        "Credential", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="ad_hoc_commands",
    )  # fmt: skip
    module_name = models.CharField(max_length=1024, blank=True, default="")
    module_args = models.TextField(blank=True, default="")
    forks = models.PositiveIntegerField(blank=True, default=0)
    verbosity = models.PositiveIntegerField(choices=VERBOSITIES, blank=True, default=0)
    extra_vars = models.TextField(blank=True, default="")
    become_enabled = models.BooleanField(default=False)
    diff_mode = models.BooleanField(default=False)
    inventory_snapshot = models.ForeignKey(
        "InventorySnapshot", null=True, on_delete=models.PROTECT, related_name="+"
    )
    # Those that have an event of it; the recorder adds them.
    hosts: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        "Host", related_name="ad_hoc_commands", editable=False
    )

    class Meta:
        ordering = ["id"]


def name_of(module: str, arguments: str) -> str:
    """What such a job is called: AWX's "module: arguments", cut where it is long."""
    name = ": ".join(part for part in (module, arguments) if part)
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
