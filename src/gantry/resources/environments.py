"""Execution environments: the images that jobs run in."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from gantry.base.image_reference import InvalidReference, parse_reference
from gantry.resources.base import DIGEST_ORIGINS, DRIFT_POLICIES, PULL_POLICIES, Owned


def validate_image(value: str) -> None:
    try:
        parse_reference(value)
    except InvalidReference as error:
        raise ValidationError(f"The container image name {value} is not valid") from error


# What Gantry knows of the tag in `image`, and of nothing else.
TAG_FIELDS: dict[str, Any] = {
    "last_digest": "", "accepted_digest": "", "registry_digest": "", "registry_checked": None,
    "registry_error": "", "drifted_since": None,
}  # fmt: skip


class ExecutionEnvironment(Owned):
    """An image, how to pull it, and for whom. AWX main/models/execution_environments.py."""

    name = models.CharField(max_length=512, unique=True)
    organization = models.ForeignKey(
        "Organization", null=True, blank=True, default=None, on_delete=models.CASCADE,
        related_name="executionenvironments",
    )  # fmt: skip
    image = models.CharField(max_length=1024, validators=[validate_image])
    managed = models.BooleanField(default=False, editable=False)
    credential = models.ForeignKey(
        "Credential", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="executionenvironments",
    )  # fmt: skip
    pull = models.CharField(max_length=16, choices=PULL_POLICIES, blank=True, default="")
    last_digest = models.CharField(max_length=128, blank=True, default="", editable=False)
    last_used = models.DateTimeField(null=True, editable=False)

    # A pinned EE runs this digest whatever its tag means, from whichever engine or mirror has it.
    pinned_digest = models.CharField(max_length=128, blank=True, default="")
    drift_policy = models.CharField(
        max_length=16, choices=DRIFT_POLICIES, blank=True, default="follow"
    )
    # What runs under the policy `hold` until a person accepts another.
    accepted_digest = models.CharField(max_length=128, blank=True, default="", editable=False)
    # What the tag meant when its registry was last asked.
    registry_digest = models.CharField(max_length=128, blank=True, default="", editable=False)
    registry_checked = models.DateTimeField(null=True, editable=False)
    registry_error = models.TextField(blank=True, default="", editable=False)
    drifted_since = models.DateTimeField(null=True, editable=False)

    _image_kept: str | None = None  # as it is in the database; None for a row that is not yet

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> ExecutionEnvironment:
        row = super().from_db(*args, **kwargs)
        row._image_kept = row.__dict__.get("image")
        return row

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Another image: what was known of the old one's tag is forgotten. A pin stays: the new
        reference may be a mirror's, or the same image under another name."""
        if self._image_kept not in (None, self.image):
            for name, unknown in TAG_FIELDS.items():
                setattr(self, name, unknown)
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], *TAG_FIELDS}
        super().save(*args, **kwargs)
        self._image_kept = self.image

    @property
    def own_digest(self) -> str:
        """That of an image given as `repository@digest`."""
        return self.image.partition("@")[2]

    @property
    def fixed_digest(self) -> str:
        """What a person fixed, by a pin or by the reference itself."""
        return self.pinned_digest or self.own_digest

    @property
    def wanted_digest(self) -> str:
        """The digest that its jobs must run; "" means: whatever the tag means."""
        held = self.accepted_digest if self.drift_policy == "hold" else ""
        return self.fixed_digest or held


class EnvironmentDigest(models.Model):
    """One digest that an EE meant at some time: its history. Jobs keep their own digest too, so
    that neither the deletion of an EE nor of these rows takes anything from a job's record."""

    environment = models.ForeignKey(
        ExecutionEnvironment, on_delete=models.CASCADE, related_name="digests"
    )
    digest = models.CharField(max_length=128)
    platform = models.CharField(max_length=64, blank=True, default="")
    reference = models.CharField(max_length=1024)  # what was asked for when it was first seen
    origin = models.CharField(max_length=16, choices=DIGEST_ORIGINS)
    first_seen = models.DateTimeField(auto_now_add=True)
    last_seen = models.DateTimeField(default=timezone.now)
    first_run = models.DateTimeField(null=True)
    last_run = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-first_seen"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "digest"], name="environment_digest")
        ]

    def __str__(self) -> str:
        return f"{self.digest} of {self.environment_id}"

    @property
    def known_from(self) -> str:
        """The origin in words. Of an image without a registry the engine says what it means."""
        if self.origin == "registry" and parse_reference(self.reference).domain == "localhost":
            return "The engine said so"
        return self.get_origin_display()
