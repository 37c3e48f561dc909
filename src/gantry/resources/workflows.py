"""Workflows: templates whose nodes are other templates, their runs, and approvals between nodes.

AWX: awx/main/models/workflow.py. Which node may start is in path/workflow_graph.py.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.signals import post_delete
from django.utils import timezone

from gantry.resources.base import Recorded
from gantry.resources.jobs import UnifiedJob
from gantry.resources.launch_configs import LaunchConfig
from gantry.resources.templates import UnifiedJobTemplate
from gantry.resources.webhooks import Hooked, WebhookTemplate, guid_index

# launch field -> the flag that lets a launch of a workflow set it.
WORKFLOW_PROMPTS = {
    "inventory": "ask_inventory_on_launch",
    "limit": "ask_limit_on_launch",
    "scm_branch": "ask_scm_branch_on_launch",
    "extra_vars": "ask_variables_on_launch",
    "labels": "ask_labels_on_launch",
    "job_tags": "ask_tags_on_launch",
    "skip_tags": "ask_skip_tags_on_launch",
}
# What a workflow job hands to its nodes' jobs where their templates ask for it.
HANDED_ON = ("inventory", "limit", "scm_branch", "job_tags", "skip_tags")
SLICE = "job_slice"  # where a slice's node keeps its number: among its forerunners' artifacts
EDGES = ("success_nodes", "failure_nodes", "always_nodes")
LONGEST_WAIT = 2**31 - 1


def new_identifier() -> str:
    return str(uuid4())


class WorkflowOptions(models.Model):
    """What nodes' jobs are launched with; the same on a template and on its run. None: not said."""

    extra_vars = models.TextField(blank=True, default="")
    inventory = models.ForeignKey(
        "resources.Inventory", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="%(class)ss",
        help_text="Inventory applied as a prompt, assuming job template prompts for inventory",
    )  # fmt: skip
    limit = models.TextField(null=True, blank=True, default=None)
    scm_branch = models.TextField(null=True, blank=True, default=None)
    job_tags = models.TextField(null=True, blank=True, default=None)
    skip_tags = models.TextField(null=True, blank=True, default=None)
    allow_simultaneous = models.BooleanField(default=False)

    class Meta:
        abstract = True


class WorkflowJobTemplate(UnifiedJobTemplate, WorkflowOptions, WebhookTemplate):
    unifiedjobtemplate_ptr = models.OneToOneField(
        UnifiedJobTemplate, on_delete=models.CASCADE, parent_link=True,
        related_name="as_workflow_job_template",
    )  # fmt: skip
    survey_enabled = models.BooleanField(default=False)
    survey_spec = models.JSONField(default=dict, blank=True)
    ask_inventory_on_launch = models.BooleanField(default=False)
    ask_limit_on_launch = models.BooleanField(default=False)
    ask_scm_branch_on_launch = models.BooleanField(default=False)
    ask_variables_on_launch = models.BooleanField(default=False)
    ask_labels_on_launch = models.BooleanField(default=False)
    ask_tags_on_launch = models.BooleanField(default=False)
    ask_skip_tags_on_launch = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class WorkflowNode(LaunchConfig):
    """A place in a workflow: what starts there, and where it goes on from there."""

    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)
    unified_job_template = models.ForeignKey(
        UnifiedJobTemplate, null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="%(class)ss",
    )  # fmt: skip
    success_nodes = models.ManyToManyField(
        "self", blank=True, symmetrical=False, related_name="%(class)ss_success", editable=False
    )
    failure_nodes = models.ManyToManyField(
        "self", blank=True, symmetrical=False, related_name="%(class)ss_failure", editable=False
    )
    always_nodes = models.ManyToManyField(
        "self", blank=True, symmetrical=False, related_name="%(class)ss_always", editable=False
    )
    all_parents_must_converge = models.BooleanField(
        default=False,
        help_text="If enabled then the node will only run if all of the parent nodes have met the "
        "criteria to reach this node",
    )

    class Meta:
        abstract = True


class WorkflowJobTemplateNode(WorkflowNode, Recorded):
    workflow_job_template = models.ForeignKey(
        WorkflowJobTemplate, on_delete=models.CASCADE, related_name="workflow_job_template_nodes"
    )
    identifier = models.CharField(
        max_length=512, default=new_identifier,
        help_text="An identifier for this node that is unique within its workflow. It is copied "
        "to workflow job nodes corresponding to this node.",
    )  # fmt: skip

    class Meta:
        ordering = ["id"]
        unique_together = [("identifier", "workflow_job_template")]

    def __str__(self) -> str:
        return self.identifier


class WorkflowJob(UnifiedJob, WorkflowOptions, Hooked):
    """A run of a workflow. No pod: control/workflows.py starts its nodes' jobs."""

    unifiedjob_ptr = models.OneToOneField(
        UnifiedJob, on_delete=models.CASCADE, parent_link=True, related_name="as_workflow_job"
    )
    workflow_job_template = models.ForeignKey(
        WorkflowJobTemplate, null=True, on_delete=models.SET_NULL, related_name="workflow_jobs"
    )
    job_template = models.ForeignKey(  # of one that was made to run a job in slices
        "JobTemplate", null=True, on_delete=models.SET_NULL, related_name="slice_workflow_jobs"
    )
    is_sliced_job = models.BooleanField(default=False)
    is_bulk_job = models.BooleanField(default=False)
    # The variables whose values are sealed within extra_vars: name -> what is shown of them.
    survey_passwords = models.JSONField(default=dict, editable=False)

    class Meta:
        ordering = ["id"]
        indexes = [guid_index("workflow_job_webhook_guid")]

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})"


class WorkflowJobNode(WorkflowNode):
    """A node of a run: as its template's was when the run began, and what became of it."""

    workflow_job = models.ForeignKey(
        WorkflowJob, null=True, on_delete=models.CASCADE, related_name="workflow_job_nodes"
    )
    job = models.OneToOneField(
        UnifiedJob, null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="unified_job_node",
    )  # fmt: skip
    # Of a run that goes on from where another failed: the job that stands for this node's.
    kept_job = models.ForeignKey(
        UnifiedJob, null=True, default=None, on_delete=models.SET_NULL, editable=False,
        related_name="keeping_nodes",
    )  # fmt: skip
    identifier = models.CharField(max_length=512, blank=True, default="")
    do_not_run = models.BooleanField(
        default=False,
        help_text="Indicates that a job will not be created when True. Workflow runtime semantics "
        "will mark this True if the node is in a path that will decidedly not be ran. A value of "
        "False means the node may not run.",
    )
    ancestor_artifacts = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.identifier

    @property
    def outcome(self) -> UnifiedJob | None:
        """The job by which the workflow goes on from here."""
        return self.job if self.job is not None else self.kept_job


class WorkflowApprovalTemplate(UnifiedJobTemplate):
    """A question to people at one node of a workflow; `timeout` in seconds, 0 for ever."""

    unifiedjobtemplate_ptr = models.OneToOneField(
        UnifiedJobTemplate, on_delete=models.CASCADE, parent_link=True,
        related_name="as_workflow_approval_template",
    )  # fmt: skip
    workflow_job_template = models.ForeignKey(
        WorkflowJobTemplate, on_delete=models.CASCADE, related_name="approval_templates",
        editable=False,
    )  # fmt: skip
    timeout = models.IntegerField(
        blank=True, default=0, validators=[MinValueValidator(0), MaxValueValidator(LONGEST_WAIT)],
        help_text="The amount of time (in seconds) before the approval node expires and fails.",
    )  # fmt: skip

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class WorkflowApproval(UnifiedJob):
    """The question as one run asks it: pending until somebody approves or denies it."""

    unifiedjob_ptr = models.OneToOneField(
        UnifiedJob, on_delete=models.CASCADE, parent_link=True, related_name="as_workflow_approval"
    )
    workflow_approval_template = models.ForeignKey(
        WorkflowApprovalTemplate, null=True, on_delete=models.SET_NULL, related_name="approvals"
    )
    timeout = models.IntegerField(blank=True, default=0)
    expires = models.DateTimeField(null=True, default=None, editable=False)
    timed_out = models.BooleanField(default=False)
    approved_or_denied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, default=None, on_delete=models.SET_NULL,
        related_name="+", editable=False,
    )  # fmt: skip

    class Meta:
        ordering = ["id"]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding and self.timeout:
            self.expires = timezone.now() + timedelta(seconds=self.timeout)
        super().save(*args, **kwargs)


def _drop_approval(sender: Any, instance: WorkflowJobTemplateNode, **more: Any) -> None:
    """An approval is its node's alone."""
    WorkflowApprovalTemplate.objects.filter(pk=instance.unified_job_template_id or 0).delete()


post_delete.connect(_drop_approval, sender=WorkflowJobTemplateNode)
