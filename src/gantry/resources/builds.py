"""Definitions that EEs are built from, and the builds."""

from __future__ import annotations

from django.db import models

from gantry.resources.base import Owned
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.jobs import UnifiedJob


class EnvironmentDefinition(Owned):
    """An ansible-builder definition: its text, or where in a project's repository it lies.

    `lock` is the text of the lock file that the last build left, or that a person put there.
    """

    environment = models.OneToOneField(
        ExecutionEnvironment, on_delete=models.CASCADE, related_name="definition"
    )
    text = models.TextField(blank=True, default="")
    project = models.ForeignKey(
        "Project", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="environment_definitions",
    )  # fmt: skip
    path = models.CharField(max_length=1024, blank=True, default="")
    lock = models.TextField(blank=True, default="")
    push = models.BooleanField(default=False)
    # To push with; the EE's own pull credential when there is none.
    push_credential = models.ForeignKey(
        "Credential", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip

    # Where it is built; where jobs run for which nobody chose, when there is none.
    instance_group = models.ForeignKey(
        "InstanceGroup", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip

    def __str__(self) -> str:
        return f"definition of {self.environment_id}"


class EnvironmentBuild(UnifiedJob):
    """One build of an EE. Everything it was made from is copied here: nothing is read again."""

    unifiedjob_ptr = models.OneToOneField(
        UnifiedJob, on_delete=models.CASCADE, parent_link=True,
        related_name="as_environment_build",
    )  # fmt: skip
    environment = models.ForeignKey(
        ExecutionEnvironment, null=True, on_delete=models.SET_NULL, related_name="builds"
    )
    image = models.CharField(max_length=1024)  # the name the result gets
    definition = models.TextField()
    files = models.ForeignKey(  # of the project, where the definition lies in one
        "ProjectSnapshot", null=True, on_delete=models.PROTECT, related_name="builds"
    )
    folder = models.CharField(max_length=1024, blank=True, default="")  # in those files
    lock_used = models.TextField(blank=True, default="")  # "" where versions were free
    lock = models.TextField(blank=True, default="")  # what the build resolved
    use_cache = models.BooleanField(default=True)
    push = models.BooleanField(default=False)
    push_credential = models.ForeignKey(
        "Credential", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    base_digest = models.CharField(max_length=128, blank=True, default="")
    result_digest = models.CharField(max_length=128, blank=True, default="")
    result_image_id = models.CharField(max_length=128, blank=True, default="")
    pushed = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
