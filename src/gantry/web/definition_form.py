"""The form of an EE's definition: its text, or the file of a project that has it."""

from __future__ import annotations

from typing import Any

from django import forms

from gantry.images.builder.definition import InvalidDefinition, read_definition
from gantry.resources.builds import EnvironmentDefinition
from gantry.web.forms import RowForm, Wide, only_kind

# What a new definition begins with. The starter EE has no ansible-runner, nor needs Gantry one.
STARTER = """\
version: 3
images:
  base_image:
    name: localhost/gantry/starter-ee:latest
options:
  skip_ansible_check: true
dependencies:
  galaxy:
    collections:
      - name: ansible.posix
"""


class DefinitionForm(RowForm):
    use = ("push_credential", "instance_group")

    class Meta:
        model = EnvironmentDefinition
        fields = ["text", "project", "path", "push", "push_credential", "instance_group"]
        labels = {
            "text": "Definition",
            "project": "Or a project that has it",
            "path": "Path in the project",
            "push": "Push the result to its registry",
            "push_credential": "Credential to push with",
            "instance_group": "Instance group to build in",
        }
        help_texts = {
            "text": "ansible-builder's format, schema version 1, 2 or 3.",
            "path": "For example ee/execution-environment.yml; what it names lies beside it.",
            "push_credential": "None: the environment's own registry credential.",
            "instance_group": "None: where other jobs of its organization run.",
        }
        widgets = {"text": Wide(16)}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_kind(self, "push_credential", "registry")
        groups: Any = self.fields["instance_group"]
        # Builds need a container engine, which a Kubernetes cluster has not.
        groups.queryset = groups.queryset.filter(is_container_group=False)

    def clean_text(self) -> str:
        text = str(self.cleaned_data["text"]).replace("\r\n", "\n")
        if text.strip():
            try:
                read_definition(text)
            except InvalidDefinition as error:
                # One under the other: each names its line and key.
                raise forms.ValidationError([str(p) for p in error.problems]) from error
        return text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        text, project = cleaned.get("text", "").strip(), cleaned.get("project")
        path = cleaned.get("path", "").strip()
        if text and project:
            self.add_error("project", "Give the text or a project, not both.")
        if not text and not project:
            self.add_error("text", "Give the definition, or choose a project that has it.")
        if project and not path:
            self.add_error("path", "Which file of the project?")
        if path and not project:
            self.add_error("path", "A path counts only with a project.")
        return cleaned
