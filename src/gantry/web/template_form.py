"""A job template's own fields, and which of them its launch asks for. The API saves them."""

from __future__ import annotations

from typing import Any

from django import forms

from gantry.base.errors import InvalidInput
from gantry.resources.access import may, visible
from gantry.resources.projects import Project
from gantry.resources.templates import JobTemplate
from gantry.resources.variables import parse_variables
from gantry.web.forms import RowForm, Wide, for_jobs

ASKED = {
    "inventory": "inventory", "limit": "limit", "verbosity": "verbosity", "job_type": "job_type",
    "credential": "credentials", "variables": "extra_vars", "tags": "job_tags",
    "skip_tags": "skip_tags", "execution_environment": "execution_environment",
    "scm_branch": "scm_branch", "forks": "forks", "timeout": "timeout", "diff_mode": "diff_mode",
    "labels": "label_names", "job_slice_count": "job_slice_count",
    "instance_groups": "instance_groups",
}  # fmt: skip


class TemplateForm(RowForm):
    use = ("inventory", "project", "credentials", "instance_groups")
    must = ("project", "playbook")
    label_names = forms.CharField(
        label="Labels", required=False, help_text="Words, with a comma between them."
    )

    class Meta:
        model = JobTemplate
        fields = [
            "name", "description", "job_type", "project", "playbook", "inventory", "credentials",
            "execution_environment", "scm_branch", "limit", "forks", "verbosity", "job_tags",
            "skip_tags", "start_at_task", "job_slice_count", "extra_vars", "timeout",
            "instance_groups", "become_enabled", "diff_mode", "force_handlers", "use_fact_cache",
            "allow_simultaneous", *(f"ask_{name}_on_launch" for name in ASKED),
        ]  # fmt: skip
        labels = {
            "job_type": "Job type",
            "extra_vars": "Variables",
            "job_tags": "Tags",
            "become_enabled": "Privilege escalation",
            "diff_mode": "Show changes (--diff)",
            "allow_simultaneous": "Runs may overlap",
            "timeout": "Time limit (seconds)",
            "scm_branch": "Branch",
            "start_at_task": "Start at task",
            "job_slice_count": "Slices",
            "instance_groups": "Instance groups",
            "force_handlers": "Handlers run even after a failure",
            "use_fact_cache": "Keep facts, and lend them to jobs",
        }
        help_texts = {
            "execution_environment": "None: the project's default, the organization's, or the "
            "global one, in this order.",
            "extra_vars": "YAML or JSON.",
            "limit": "A host pattern, for example web*:!web3.",
            "forks": "0: ansible's own default.",
            "timeout": "0: no limit.",
            "scm_branch": "Only where the project allows another branch.",
            "job_slice_count": "So many jobs share the hosts.",
        }
        widgets = {
            "instance_groups": forms.CheckboxSelectMultiple(),
            "description": forms.TextInput(),
            "limit": forms.TextInput(),
            "job_tags": forms.TextInput(),
            "skip_tags": forms.TextInput(),
            "extra_vars": Wide(),
            "credentials": forms.CheckboxSelectMultiple(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ASKED:
            self.fields[f"ask_{name}_on_launch"].label = ""
        credentials = self.fields["credentials"]
        assert isinstance(credentials, forms.ModelMultipleChoiceField)
        for_jobs(credentials)
        self.order_fields(["name", "description", "label_names"])
        row = self.instance
        names = sorted(row.labels.values_list("name", flat=True)) if row.pk else []
        self.fields["label_names"].initial = ", ".join(names)
        self._playbooks()

    def body(self) -> dict[str, Any]:
        """As the API takes it; credentials, labels and instance groups it is given one by one."""
        apart = ("credentials", "instance_groups", "label_names")
        given = {n: v for n, v in self.cleaned_data.items() if n not in apart}
        return {name: getattr(value, "pk", value) for name, value in given.items()}

    def labels_wanted(self) -> set[str]:
        return {one.strip() for one in self.cleaned_data["label_names"].split(",")} - {""}

    def _playbooks(self) -> None:
        """Playbooks found in the projects, offered while typing."""
        field = self.fields["playbook"]
        field.widget.attrs["list"] = "playbooks"
        projects = visible(self.user, Project.objects.select_related("snapshot"))
        self.playbooks = sorted({name for p in projects for name in p.playbook_files})[:500]

    def pairs(self) -> list[tuple[Any, Any]]:
        """(field, its "ask at launch" switch or None), in the form's order."""
        asks = {target: self[f"ask_{name}_on_launch"] for name, target in ASKED.items()}
        return [(self[n], asks.get(n)) for n in self.fields if not n.startswith("ask_")]

    def clean_extra_vars(self) -> str:
        text = str(self.cleaned_data["extra_vars"])
        try:
            parse_variables(text, field="extra_vars")
        except InvalidInput as error:
            raise forms.ValidationError(str(error)) from error
        return text

    def _ask_access(self, cleaned: dict[str, Any]) -> None:
        project = cleaned.get("project")
        self.instance.organization = project.organization if project else None
        self.instance.kind = "job_template"
        verb = "add" if self.instance.pk is None else "change"
        if not may(self.user, verb, self.instance):
            self.add_error("project", "You may not keep templates in this project's organization.")
