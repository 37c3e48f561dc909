"""System jobs: what keeps an installation tidy. The four that AWX seeds, and one for images."""

from __future__ import annotations

from django.db import models

from gantry.resources.jobs import UnifiedJob
from gantry.resources.templates import UnifiedJobTemplate

IMAGES = "cleanup_images"
SYSTEM_JOB_TYPES = [
    ("cleanup_jobs", "Remove jobs older than a certain number of days"),
    (
        "cleanup_activitystream",
        "Remove activity stream entries older than a certain number of days",
    ),
    ("cleanup_sessions", "Removes expired browser sessions from the database"),
    ("cleanup_tokens", "Removes expired OAuth 2 access tokens and refresh tokens"),
    # Gantry's own.
    (IMAGES, "Removes execution environment images that no job has used for a number of days"),
]


class SystemJobTemplate(UnifiedJobTemplate):
    unifiedjobtemplate_ptr = models.OneToOneField(
        UnifiedJobTemplate, on_delete=models.CASCADE, parent_link=True,
        related_name="as_system_job_template",
    )  # fmt: skip
    job_type = models.CharField(max_length=32, choices=SYSTEM_JOB_TYPES, blank=True, default="")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class SystemJob(UnifiedJob):
    """One run. `extra_vars` is JSON text: days, dry_run."""

    unifiedjob_ptr = models.OneToOneField(
        UnifiedJob, on_delete=models.CASCADE, parent_link=True, related_name="as_system_job"
    )
    system_job_template = models.ForeignKey(
        SystemJobTemplate, null=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    job_type = models.CharField(max_length=32, choices=SYSTEM_JOB_TYPES, blank=True, default="")
    extra_vars = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["id"]
