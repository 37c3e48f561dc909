"""Prompts kept for a later launch: what a schedule (or a workflow's node) will launch with.

As in AWX, options that were not given are not there, so that the template's count: they live in
`char_prompts`. Variables are kept in `extra_data`, answers of the survey that are passwords sealed.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from gantry.base.crypto import is_sealed, key_ring
from gantry.resources.credentials import ENCRYPTED

# The options of a template that a launch may set and that are neither rows nor variables.
OPTIONS = (
    "scm_branch", "job_type", "job_tags", "skip_tags", "limit", "diff_mode", "verbosity", "forks",
    "job_slice_count", "timeout",
)  # fmt: skip


class LaunchConfig(models.Model):
    inventory = models.ForeignKey(
        "resources.Inventory", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="%(class)ss",
    )  # fmt: skip
    execution_environment = models.ForeignKey(
        "resources.ExecutionEnvironment", null=True, blank=True, default=None,
        on_delete=models.SET_NULL, related_name="%(class)ss",
    )  # fmt: skip
    char_prompts = models.JSONField(default=dict, blank=True)
    extra_data = models.JSONField(default=dict, blank=True)
    # The variables whose values are sealed within extra_data: name -> what is shown of them.
    survey_passwords = models.JSONField(default=dict, blank=True, editable=False)
    credentials = models.ManyToManyField(
        "resources.Credential", blank=True, related_name="%(class)ss"
    )
    labels = models.ManyToManyField("resources.Label", blank=True, related_name="%(class)s_labels")
    instance_groups = models.ManyToManyField(
        "resources.InstanceGroup", blank=True, related_name="+"
    )

    class Meta:
        abstract = True

    def _place(self, variable: str) -> str:
        return f"{self._meta.model_name}:{self.pk}:survey:{variable}"

    def shown_data(self) -> dict[str, Any]:
        hidden = {k: ENCRYPTED for k in self.survey_passwords if k in self.extra_data}
        return {**self.extra_data, **hidden}

    def seal_answers(self) -> None:
        """Seal the passwords among the variables. The row must have an id, and be saved after."""
        for name in self.survey_passwords:
            answer = self.extra_data.get(name)
            if isinstance(answer, str) and answer and not is_sealed(answer):
                self.extra_data[name] = key_ring().seal(answer, self._place(name))

    def open_data(self) -> dict[str, Any]:
        """The variables in the clear. Never log, store or show the result."""
        return {name: self._opened(name, value) for name, value in self.extra_data.items()}

    def _opened(self, name: str, value: Any) -> Any:
        if name in self.survey_passwords and is_sealed(value):
            return key_ring().open(str(value), self._place(name))
        return value
