"""Templates: what can be launched. UnifiedJobTemplate is AWX's common parent, one id space."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models

from gantry.resources.base import JOB_TYPES, TEMPLATE_STATUSES, VERBOSITIES, Owned
from gantry.resources.notifications import Notified
from gantry.resources.webhooks import WebhookTemplate


class UnifiedJobTemplate(Owned, Notified):
    """Anything that makes jobs: a job template, a project. `kind` names which child row it has."""

    kind = models.CharField(max_length=32, editable=False)
    name = models.CharField(max_length=512)
    organization = models.ForeignKey(
        "Organization", null=True, blank=True, on_delete=models.SET_NULL, related_name="%(class)ss"
    )
    execution_environment = models.ForeignKey(
        "ExecutionEnvironment", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="unifiedjobtemplates",
    )  # fmt: skip
    status = models.CharField(
        max_length=32, choices=TEMPLATE_STATUSES, default="never updated", editable=False
    )
    current_job = models.ForeignKey(
        "UnifiedJob", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    last_job = models.ForeignKey(
        "UnifiedJob", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    last_job_failed = models.BooleanField(default=False, editable=False)
    last_job_run = models.DateTimeField(null=True, editable=False)
    next_job_run = models.DateTimeField(null=True, editable=False)
    next_schedule = models.ForeignKey(
        "Schedule", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    labels = models.ManyToManyField(
        "resources.Label", blank=True, related_name="unifiedjobtemplate_labels"
    )
    instance_groups = models.ManyToManyField(
        "resources.InstanceGroup", blank=True, related_name="+"
    )
    # Of a workflow job template alone: whom to tell of its approvals.
    notification_templates_approvals = models.ManyToManyField(
        "resources.NotificationTemplate", blank=True,
        related_name="workflowjobtemplate_notification_templates_for_approvals",
    )  # fmt: skip

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "name", "organization"],
                name="template_name",
                # Their names are unique within their inventory.
                condition=~models.Q(kind="inventory_source"),
            )
        ]

    def __str__(self) -> str:
        return self.name


class LaunchOptions(models.Model):
    """What decides how ansible-playbook is called; the same on a template and on its job."""

    job_type = models.CharField(max_length=64, choices=JOB_TYPES, default="run")
    inventory = models.ForeignKey(
        "resources.Inventory", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="%(class)ss",
    )  # fmt: skip
    project = models.ForeignKey(
        "resources.Project", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="%(class)ss",
    )  # fmt: skip
    playbook = models.CharField(max_length=1024, blank=True, default="")
    scm_branch = models.CharField(max_length=1024, blank=True, default="")
    forks = models.PositiveIntegerField(default=0, validators=[MinValueValidator(0)])
    limit = models.TextField(blank=True, default="")
    verbosity = models.PositiveIntegerField(choices=VERBOSITIES, default=0)
    extra_vars = models.TextField(blank=True, default="")
    job_tags = models.TextField(blank=True, default="")
    force_handlers = models.BooleanField(default=False)
    skip_tags = models.TextField(blank=True, default="")
    start_at_task = models.CharField(max_length=1024, blank=True, default="")
    timeout = models.IntegerField(default=0)
    use_fact_cache = models.BooleanField(default=False)
    become_enabled = models.BooleanField(default=False)
    diff_mode = models.BooleanField(default=False)
    allow_simultaneous = models.BooleanField(default=False)
    job_slice_count = models.PositiveIntegerField(default=1)
    credentials = models.ManyToManyField(
        "resources.Credential", blank=True, related_name="%(class)ss"
    )

    class Meta:
        abstract = True


# launch field -> the flag that lets a launch set it. AWX main/models/jobs.py.
PROMPTS = {
    "scm_branch": "ask_scm_branch_on_launch",
    "extra_vars": "ask_variables_on_launch",
    "job_tags": "ask_tags_on_launch",
    "diff_mode": "ask_diff_mode_on_launch",
    "skip_tags": "ask_skip_tags_on_launch",
    "job_type": "ask_job_type_on_launch",
    "limit": "ask_limit_on_launch",
    "verbosity": "ask_verbosity_on_launch",
    "inventory": "ask_inventory_on_launch",
    "credentials": "ask_credential_on_launch",
    "execution_environment": "ask_execution_environment_on_launch",
    "labels": "ask_labels_on_launch",
    "forks": "ask_forks_on_launch",
    "job_slice_count": "ask_job_slice_count_on_launch",
    "timeout": "ask_timeout_on_launch",
    "instance_groups": "ask_instance_groups_on_launch",
}


class JobTemplate(UnifiedJobTemplate, LaunchOptions, WebhookTemplate):
    """A playbook with everything it needs to run, and what a launch may change."""

    unifiedjobtemplate_ptr = models.OneToOneField(
        UnifiedJobTemplate, on_delete=models.CASCADE, parent_link=True,
        related_name="as_job_template",
    )  # fmt: skip
    # Of its jobs at a time, where it allows several; 0: no limit.
    max_concurrent_jobs = models.PositiveIntegerField(default=0)
    host_config_key = models.CharField(max_length=1024, blank=True, default="")
    survey_enabled = models.BooleanField(default=False)
    survey_spec = models.JSONField(default=dict, blank=True)
    prevent_instance_group_fallback = models.BooleanField(default=False)
    custom_virtualenv = models.CharField(max_length=100, null=True, blank=True, default=None)
    ask_scm_branch_on_launch = models.BooleanField(default=False)
    ask_diff_mode_on_launch = models.BooleanField(default=False)
    ask_variables_on_launch = models.BooleanField(default=False)
    ask_limit_on_launch = models.BooleanField(default=False)
    ask_tags_on_launch = models.BooleanField(default=False)
    ask_skip_tags_on_launch = models.BooleanField(default=False)
    ask_job_type_on_launch = models.BooleanField(default=False)
    ask_verbosity_on_launch = models.BooleanField(default=False)
    ask_inventory_on_launch = models.BooleanField(default=False)
    ask_credential_on_launch = models.BooleanField(default=False)
    ask_execution_environment_on_launch = models.BooleanField(default=False)
    ask_labels_on_launch = models.BooleanField(default=False)
    ask_forks_on_launch = models.BooleanField(default=False)
    ask_job_slice_count_on_launch = models.BooleanField(default=False)
    ask_timeout_on_launch = models.BooleanField(default=False)
    ask_instance_groups_on_launch = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]
