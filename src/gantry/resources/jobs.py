"""Job rows: what was launched, where on the path it is, what ran, and how it ended."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from gantry.resources.base import LAUNCH_TYPES, STATUSES, Owned, Recorded
from gantry.resources.projects import ProjectOptions
from gantry.resources.templates import LaunchOptions, UnifiedJobTemplate
from gantry.resources.webhooks import Hooked, guid_index

ACTIVE = ("new", "pending", "waiting", "running")
# Kinds that no controller walks: nothing runs for them, control/workflows.py moves them.
NOT_WALKED = ("workflow_job", "workflow_approval")
FINISHED = ("successful", "failed", "error", "canceled")
STAGES = ["queued", "resolving", "pulling", "preparing", "starting", "running", "cleaning", "done"]


class UnifiedJob(Owned):
    """One run of anything: AWX's common parent, and the only row the controller walks.

    `status` is AWX's word for the state, `stage` is the step of the path it stands at.
    """

    kind = models.CharField(max_length=32, editable=False)
    name = models.CharField(max_length=512, blank=True, default="")
    unified_job_template = models.ForeignKey(
        UnifiedJobTemplate, null=True, on_delete=models.SET_NULL, related_name="unifiedjobs"
    )
    organization = models.ForeignKey(
        "Organization", null=True, on_delete=models.SET_NULL, related_name="%(class)ss"
    )
    launch_type = models.CharField(max_length=20, choices=LAUNCH_TYPES, default="manual")
    schedule = models.ForeignKey(  # which one started it
        "Schedule", null=True, on_delete=models.SET_NULL, related_name="unifiedjobs"
    )
    dependencies = models.ManyToManyField(
        "self", symmetrical=False, blank=True, related_name="dependents"
    )

    labels = models.ManyToManyField("resources.Label", blank=True, related_name="unifiedjob_labels")

    status = models.CharField(max_length=20, choices=STATUSES, default="new", db_index=True)
    stage = models.CharField(max_length=20, default="queued")
    stage_times = models.JSONField(default=dict)  # stage -> ISO time it was entered
    waiting_for = models.TextField(blank=True, default="")
    failed = models.BooleanField(default=False)
    cancel_flag = models.BooleanField(default=False)
    started = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True, db_index=True)
    canceled_on = models.DateTimeField(null=True)
    elapsed = models.DecimalField(max_digits=12, decimal_places=3, default=0)

    job_explanation = models.TextField(blank=True, default="")
    failure_class = models.CharField(max_length=64, blank=True, default="")
    failure_cure = models.TextField(blank=True, default="")
    evidence = models.JSONField(default=dict)
    result_traceback = models.TextField(blank=True, default="")

    execution_environment = models.ForeignKey(
        "ExecutionEnvironment", null=True, on_delete=models.SET_NULL, related_name="%(class)ss"
    )
    ee_name = models.CharField(max_length=512, blank=True, default="")  # outlives the EE
    ee_image = models.CharField(max_length=1024, blank=True, default="")
    ee_wanted_digest = models.CharField(max_length=128, blank=True, default="")
    ee_digest = models.CharField(max_length=128, blank=True, default="")
    ee_image_id = models.CharField(max_length=128, blank=True, default="")
    ee_platform = models.CharField(max_length=64, blank=True, default="")
    ee_reason = models.TextField(blank=True, default="")
    ee_warning = models.TextField(blank=True, default="")  # a sentence: its EE drifted, say
    ee_signature = models.JSONField(null=True)  # which key signed the digest: path/trust.py
    pull_progress = models.JSONField(null=True)

    job_args = models.TextField(blank=True, default="")
    job_cwd = models.CharField(max_length=1024, blank=True, default="")
    job_env = models.JSONField(default=dict)
    start_secrets = models.TextField(blank=True, default="")  # sealed JSON of prompted passwords

    # Where it may run, best first (ids; empty: where jobs run for which nobody chose), whether its
    # launch said so, how many forks it takes, and which group it was given to.
    preferred_groups = ArrayField(models.BigIntegerField(), default=list, blank=True)
    prompted_groups = models.BooleanField(default=False)
    task_impact = models.PositiveIntegerField(default=0, editable=False)
    instance_group = models.ForeignKey(
        "InstanceGroup", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip

    controller_node = models.CharField(max_length=250, blank=True, default="")
    execution_node = models.CharField(max_length=250, blank=True, default="")
    lease_owner = models.UUIDField(null=True)
    lease_expires = models.DateTimeField(null=True)
    lease_epoch = models.PositiveIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    pod_name = models.CharField(max_length=200, blank=True, default="")
    pod_id = models.CharField(max_length=200, blank=True, default="")
    acknowledged = models.BigIntegerField(default=0)  # last frame recorded
    lines = models.BigIntegerField(default=0)  # stdout lines recorded
    emitted_events = models.BigIntegerField(default=0)  # events recorded
    exit = models.JSONField(null=True)  # the agent's END frame
    cleanup = models.JSONField(null=True)  # what was removed, and the check that it is gone

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["id"], name="job_active", condition=models.Q(status__in=ACTIVE)),
            models.Index(fields=["ee_digest"], name="job_digest"),
            models.Index(fields=["execution_node"], name="job_node"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})"

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def event_processing_finished(self) -> bool:
        # The final status is written only after the last event has been recorded.
        return not self.active

    def seconds(self) -> float:
        """Elapsed run time; grows while running, as AWX's `elapsed` does."""
        if self.started and not self.finished:
            return round((timezone.now() - self.started).total_seconds(), 3)
        return float(self.elapsed)


class Job(UnifiedJob, LaunchOptions, Hooked):
    """A run of a playbook."""

    unifiedjob_ptr = models.OneToOneField(
        UnifiedJob, on_delete=models.CASCADE, parent_link=True, related_name="as_job"
    )

    job_template = models.ForeignKey(
        "JobTemplate", null=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    scm_revision = models.CharField(max_length=1024, blank=True, default="")
    project_snapshot = models.ForeignKey(
        "ProjectSnapshot", null=True, on_delete=models.PROTECT, related_name="jobs"
    )
    project_update = models.ForeignKey(
        "ProjectUpdate", null=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    inventory_snapshot = models.ForeignKey(
        "InventorySnapshot", null=True, on_delete=models.PROTECT, related_name="jobs"
    )
    # Set where the job repeats another exactly: its digest, commit, inventory and variables.
    repeats = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="repetitions"
    )
    # The variables whose values are sealed within extra_vars: name -> what is shown of them.
    survey_passwords = models.JSONField(default=dict, editable=False)
    preflight = models.JSONField(null=True)  # what the playbook needs and the EE lacks
    artifacts = models.JSONField(default=dict)
    job_slice_number = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["id"]
        indexes = [guid_index("job_webhook_guid")]


class ProjectUpdate(UnifiedJob, ProjectOptions):
    """A sync of a project, run in a pod of the control-plane EE."""

    unifiedjob_ptr = models.OneToOneField(
        UnifiedJob, on_delete=models.CASCADE, parent_link=True, related_name="as_project_update"
    )

    project = models.ForeignKey("Project", on_delete=models.CASCADE, related_name="project_updates")
    job_type = models.CharField(max_length=64, default="check")
    job_tags = models.CharField(max_length=1024, blank=True, default="")
    scm_revision = models.CharField(max_length=1024, blank=True, default="")

    class Meta:
        ordering = ["id"]


class JobHostSummary(models.Model):
    """How one host fared in one job, as ansible counted it at the end."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="job_host_summaries")
    host = models.ForeignKey(
        "Host", null=True, on_delete=models.SET_NULL, related_name="job_host_summaries"
    )
    host_name = models.CharField(max_length=1024)
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)
    changed = models.PositiveIntegerField(default=0)
    dark = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    ignored = models.PositiveIntegerField(default=0)
    ok = models.PositiveIntegerField(default=0)
    processed = models.PositiveIntegerField(default=0)
    rescued = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["job", "host_name"], name="summary_host")]

    def __str__(self) -> str:
        return f"{self.host_name} in job {self.job_id}"


class Installation(Recorded):
    """One row: who this installation is. Pods carry `uuid` in their labels."""

    uuid = models.UUIDField(unique=True)
    created = models.DateTimeField(auto_now_add=True)
    # AWX's setting DEFAULT_EXECUTION_ENVIRONMENT
    default_environment = models.ForeignKey(
        "ExecutionEnvironment", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    # AWX's settings LOG_AGGREGATOR_*, those that were changed; the password sealed.
    log_aggregator = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return str(self.uuid)
