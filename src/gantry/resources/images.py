"""What is inside an image: each digest is inspected once, and then only read."""

from __future__ import annotations

from django.db import models

STATES = [
    ("pending", "Waits for a controller to look inside"),
    ("running", "A pod looks inside"),
    ("inspected", "Known"),
    ("failed", "Could not be inspected"),
]


class ImageContents(models.Model):
    """The contents of one digest on one platform, as a pod without network found them.

    `packages` is a list of {"kind": "collection" | "python" | "deb" | "rpm", "name", "version",
    ...} sorted by kind and name; `unknown` are sentences, one for each thing that was not found.
    """

    digest = models.CharField(max_length=128)
    platform = models.CharField(max_length=64, blank=True, default="")
    image_id = models.CharField(max_length=128, blank=True, default="")
    reference = models.CharField(max_length=1024)  # by which it was looked at
    state = models.CharField(max_length=16, choices=STATES, default="pending", db_index=True)
    error = models.TextField(blank=True, default="")
    cure = models.TextField(blank=True, default="")
    # The controller that looks, until when it may, and the pod it does it in.
    lease_owner = models.UUIDField(null=True)
    lease_expires = models.DateTimeField(null=True)
    pod_name = models.CharField(max_length=200, blank=True, default="")
    attempts = models.PositiveIntegerField(default=0)
    requested = models.DateTimeField(auto_now_add=True)
    inspected = models.DateTimeField(null=True)
    seconds = models.FloatField(null=True)

    ansible_core = models.CharField(max_length=64, blank=True, default="")
    ansible_runner = models.CharField(max_length=64, blank=True, default="")
    python = models.CharField(max_length=64, blank=True, default="")
    distribution = models.CharField(max_length=200, blank=True, default="")
    user = models.CharField(max_length=200, blank=True, default="")
    entrypoint = models.JSONField(default=list)
    command = models.JSONField(default=list)
    labels = models.JSONField(default=dict)
    size = models.BigIntegerField(default=0)  # bytes, unpacked, on the engine
    layers = models.JSONField(default=list)
    created = models.DateTimeField(null=True)  # the image, by its own word
    packages = models.JSONField(default=list)
    unknown = models.JSONField(default=list)

    class Meta:
        ordering = ["-requested"]
        constraints = [
            models.UniqueConstraint(fields=["digest", "platform"], name="contents_of_digest")
        ]

    def __str__(self) -> str:
        return f"{self.digest} {self.platform} ({self.state})"
