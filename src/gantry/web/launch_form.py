"""The launch form: exactly the prompts that a template asks for, as a launch request's body."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms

from gantry.path.launch import launch_preview
from gantry.path.workflow import workflow_preview
from gantry.resources.access import visible, within
from gantry.resources.base import JOB_TYPES, VERBOSITIES
from gantry.resources.credentials import Credential
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.instances import InstanceGroup
from gantry.resources.inventories import Inventory
from gantry.resources.labels import Label
from gantry.resources.organizations import User
from gantry.resources.templates import PROMPTS, JobTemplate
from gantry.resources.variables import parse_variables
from gantry.resources.workflows import WORKFLOW_PROMPTS, WorkflowJobTemplate
from gantry.web.forms import Wide, for_jobs
from gantry.web.survey_fields import answers_of, survey_fields, without_answers

TEXTS = {
    "limit": "Limit", "scm_branch": "Branch, tag or commit", "job_tags": "Tags",
    "skip_tags": "Skip tags",
}  # fmt: skip
NUMBERS = {"forks": "Forks", "timeout": "Time limit (seconds)", "job_slice_count": "Slices"}
CHOICES: dict[str, tuple[str, Any, Any]] = {
    "job_type": ("Job type", JOB_TYPES, str),
    "verbosity": ("Verbosity", VERBOSITIES, int),
}
PASSWORD_WORDS = {
    "ssh_password": "SSH password",
    "ssh_key_unlock": "Passphrase of the SSH key",
    "become_password": "Privilege escalation password",
    "vault_password": "Vault password",
}


LISTS = ("credentials", "labels", "instance_groups")


def asked(template: JobTemplate | WorkflowJobTemplate) -> list[str]:
    """The launch fields that a launch of this template may set."""
    known = WORKFLOW_PROMPTS if isinstance(template, WorkflowJobTemplate) else PROMPTS
    return [name for name, flag in known.items() if getattr(template, flag)]


class LaunchForm(forms.Form):
    def __init__(
        self, *args: Any, template: JobTemplate | WorkflowJobTemplate, user: User, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.template, self.user = template, user
        preview = self.preview()
        for name in asked(template):
            field = self._field(name)
            if field is not None:
                self.fields[name] = field
        self.fields.update(survey_fields(template))
        for name in preview.get("passwords_needed_to_start", ()):
            self.fields[f"password:{name}"] = _password(name)

    def preview(self) -> dict[str, Any]:
        if isinstance(self.template, WorkflowJobTemplate):
            return workflow_preview(self.template)
        return launch_preview(self.template)

    def _field(self, name: str) -> forms.Field | None:
        own = getattr(self.template, name, None)
        if name in TEXTS:
            return forms.CharField(label=TEXTS[name], required=False, initial=own)
        if name in NUMBERS:
            return forms.IntegerField(label=NUMBERS[name], min_value=0, initial=own)
        if name in CHOICES:
            label, choices, coerce = CHOICES[name]
            return forms.TypedChoiceField(label=label, choices=choices, initial=own, coerce=coerce)
        if name == "extra_vars":
            return forms.CharField(
                label="Variables", required=False, initial=own, widget=Wide(8),
                help_text="YAML or JSON; merged over the template's.",
            )  # fmt: skip
        if name == "diff_mode":
            return forms.BooleanField(label="Show changes (--diff)", required=False, initial=own)
        return self._row_field(name)

    def _row_field(self, name: str) -> forms.Field | None:
        if name == "inventory":
            rows = within(self.user, "use", Inventory.objects.all())
            if self.template.inventory_id:
                rows = rows | Inventory.objects.filter(pk=self.template.inventory_id)
            free = isinstance(self.template, WorkflowJobTemplate)
            return forms.ModelChoiceField(
                rows, label="Inventory", initial=self.template.inventory, required=not free,
                empty_label="As each node has it" if free else "Choose …",
            )  # fmt: skip
        if name == "execution_environment":
            return forms.ModelChoiceField(
                visible(self.user, ExecutionEnvironment.objects.all()),
                label="Execution environment", required=False, empty_label="As resolved",
                initial=self.template.execution_environment,
            )  # fmt: skip
        if name == "credentials" and isinstance(self.template, JobTemplate):
            own = self.template.credentials.all()
            usable = within(self.user, "use", Credential.objects.all())
            field = forms.ModelMultipleChoiceField(
                (usable | Credential.objects.filter(pk__in=own.values("pk"))).distinct(),
                label="Credentials", required=False, initial=own,
                widget=forms.CheckboxSelectMultiple(),
            )  # fmt: skip
            for_jobs(field)
            return field
        if name == "labels":
            return forms.ModelMultipleChoiceField(
                visible(self.user, Label.objects.all()), label="Labels", required=False,
                initial=self.template.labels.all(), widget=forms.CheckboxSelectMultiple(),
            )  # fmt: skip
        if name == "instance_groups":
            return forms.ModelMultipleChoiceField(
                within(self.user, "use", InstanceGroup.objects.all()), label="Instance groups",
                required=False, widget=forms.CheckboxSelectMultiple(),
            )  # fmt: skip
        return None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self._answers = answers_of(self, self.template, self.kept())
        return cleaned

    def kept(self) -> Collection[str]:
        """The survey's passwords that have been answered before."""
        return ()

    def prompts(self) -> dict[str, Any]:
        """The body that the API would be sent. What was left as it is, is not sent. Raises
        InvalidInput for variables that are neither YAML nor JSON."""
        sent: dict[str, Any] = {}
        for name, value in without_answers(self.cleaned_data).items():
            if name.startswith("password:"):
                continue
            if name in LISTS:
                if name == "instance_groups" and not value:
                    continue  # none chosen: the template's count
                sent[name] = [c.pk for c in value]
            elif hasattr(value, "pk"):
                sent[name] = value.pk
            elif value is not None:
                sent[name] = value
        if self._answers:
            typed = parse_variables(sent.get("extra_vars"), field="extra_vars")
            sent["extra_vars"] = {**typed, **self._answers}
        return sent

    def passwords(self) -> dict[str, str]:
        return {
            name.removeprefix("password:"): value
            for name, value in self.cleaned_data.items()
            if name.startswith("password:")
        }


def _password(name: str) -> forms.Field:
    kind, _, identity = name.partition(".")
    label = PASSWORD_WORDS.get(kind, kind) + (f" ({identity})" if identity else "")
    return forms.CharField(
        label=label, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Used for this job and wiped when it ends.",
    )  # fmt: skip
