"""Labels: an organization's words for its templates, and for the jobs made of them.

As in AWX a label lives as long as something has it: `drop_unused` is called after each parting.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models.signals import post_delete, pre_delete

from gantry.resources.base import Owned
from gantry.resources.inventories import Inventory
from gantry.resources.jobs import UnifiedJob
from gantry.resources.schedules import Schedule
from gantry.resources.templates import UnifiedJobTemplate
from gantry.resources.workflows import WorkflowJobNode, WorkflowJobTemplateNode


class Label(Owned):
    name = models.CharField(max_length=512)
    organization = models.ForeignKey(
        "Organization", on_delete=models.CASCADE, related_name="labels"
    )

    class Meta:
        ordering = ["organization", "name"]
        unique_together = [("name", "organization")]

    def __str__(self) -> str:
        return self.name


def drop_unused(among: Iterable[int]) -> None:
    """Delete those labels that nothing has any more."""
    Label.objects.filter(
        pk__in=list(among),
        unifiedjobtemplate_labels=None,
        unifiedjob_labels=None,
        schedule_labels=None,
        workflowjobtemplatenode_labels=None,
        workflowjobnode_labels=None,
        inventory_labels=None,
    ).delete()


def _remember(sender: Any, instance: Any, **kwargs: Any) -> None:
    instance._had_labels = list(instance.labels.values_list("pk", flat=True))


def _forget(sender: Any, instance: Any, **kwargs: Any) -> None:
    drop_unused(getattr(instance, "_had_labels", ()))


# Whoever deletes them, a person or a sweep, and however: alone or with their project.
for kind in (
    UnifiedJob, UnifiedJobTemplate, Schedule, WorkflowJobTemplateNode, WorkflowJobNode, Inventory,
):  # fmt: skip
    pre_delete.connect(_remember, sender=kind)
    post_delete.connect(_forget, sender=kind)
