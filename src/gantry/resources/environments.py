"""Execution environments: the images that jobs run in."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models

from gantry.base.image_reference import InvalidReference, parse_reference
from gantry.resources.base import PULL_POLICIES, Owned


def validate_image(value: str) -> None:
    try:
        parse_reference(value)
    except InvalidReference as error:
        raise ValidationError(f"The container image name {value} is not valid") from error


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

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.name
