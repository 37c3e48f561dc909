"""The pages' forms: what may be chosen is what this person may see or use; errors in our words.

A form's save goes through `save_for`, which asks gantry.resources.access before it writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Model

from gantry.base.errors import InvalidInput
from gantry.resources.access import may, visible, within
from gantry.resources.base import PULL_POLICIES
from gantry.resources.credentials import Credential, CredentialType
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.organizations import Organization, User
from gantry.resources.projects import SCM_TYPES, SYNCED, Project
from gantry.resources.scm_url import check_revision, check_url, misplaced
from gantry.resources.templates import JobTemplate
from gantry.resources.variables import parse_variables

if TYPE_CHECKING:
    OwnedForm = forms.ModelForm[Any]
else:
    OwnedForm = forms.ModelForm

FORBIDDEN = "You do not have permission to save this here; choose another organization."


class Wide(forms.Textarea):
    """Text of many lines, in the width of the form and in type for code."""

    wide = True

    def __init__(self, rows: int = 6) -> None:
        super().__init__(attrs={"rows": rows, "class": "code", "spellcheck": "false"})


class RowForm(OwnedForm):
    """`use` names the fields whose rows a person must be allowed to use, not only to see; `must`
    those that the pages ask for though the row could do without."""

    use: tuple[str, ...] = ()
    must: tuple[str, ...] = ()

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        for name in self.must:
            self.fields[name].required = True
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelChoiceField):
                field.queryset = self._choices(name, field.queryset)
                if isinstance(field, forms.ModelMultipleChoiceField):
                    continue
                field.empty_label = "None" if not field.required else "Choose …"

    def _choices(self, name: str, rows: Any) -> Any:
        reach = within(self.user, "use", rows) if name in self.use else visible(self.user, rows)
        # What is chosen already stays a choice, or saving would take it away unseen.
        chosen = self.initial.get(name)
        if name in self.use and chosen and not isinstance(chosen, list):
            reach = reach | rows.filter(pk=getattr(chosen, "pk", chosen))
        return reach

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            self._ask_access(cleaned)
        return cleaned

    def _ask_access(self, cleaned: dict[str, Any]) -> None:
        row: Model = self.instance
        organization = cleaned.get("organization")
        if "organization" in self.fields:
            moved = row.pk is None or organization != getattr(row, "organization", None)
            row.organization = organization  # type: ignore[attr-defined]
            if moved and not may(self.user, "add", row):
                self.add_error("organization", FORBIDDEN)

    def save_for(self) -> Any:
        row = self.save(commit=False)
        if row.pk is None:
            row.created_by = self.user
        row.modified_by = self.user
        row.save()
        self.save_m2m()
        return row


def refuse(form: forms.BaseForm, error: InvalidInput) -> None:
    """Put an error of the other rooms beside its field."""
    form.add_error(error.field if error.field in form.fields else None, str(error))


class EnvironmentForm(RowForm):
    use = ("credential", "organization")

    class Meta:
        model = ExecutionEnvironment
        fields = ["name", "description", "image", "pull", "organization", "credential"]
        help_texts = {
            "image": "Registry, repository and tag or digest, "
            "for example quay.io/ansible/awx-ee:24.6.1.",
            "pull": "Left open, an image that is missing is pulled and one that is there is used.",
            "organization": "Without one, every organization may use it.",
            "credential": "A container registry credential, where the registry asks for a login.",
        }
        labels = {"pull": "Pull", "credential": "Registry credential"}
        widgets = {"description": forms.TextInput()}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_kind(self, "credential", "registry")
        pull = self.fields["pull"]
        assert isinstance(pull, forms.ChoiceField)
        pull.choices = [("", "Not set"), *PULL_POLICIES]
        self._fix_what_stays()

    def _fix_what_stays(self) -> None:
        """As in AWX: an EE moves to no other organization, a managed one keeps all but `pull`."""
        row = self.instance
        if row.pk is None:
            return
        owner = self.fields["organization"]
        assert isinstance(owner, forms.ModelChoiceField)
        owner.queryset = Organization.objects.filter(pk=row.organization_id)
        if row.managed:
            for name, field in self.fields.items():
                field.disabled = name != "pull"


def for_jobs(field: forms.ModelMultipleChoiceField[Any]) -> None:
    """Only credentials that a job can take, each with the name of its type."""
    assert field.queryset is not None
    rows = field.queryset.exclude(credential_type__kind__in=("registry", "scm", "galaxy"))
    field.queryset = rows.select_related("credential_type")
    field.label_from_instance = _with_type  # type: ignore[method-assign, assignment]


def _with_type(row: Credential) -> str:
    return f"{row.name} ({row.credential_type.name})"


def only_kind(form: forms.BaseForm, name: str, kind: str) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ModelChoiceField)
    assert field.queryset is not None
    field.queryset = field.queryset.filter(credential_type__kind=kind)


class ProjectForm(RowForm):
    use = ("credential", "organization", "signature_validation_credential")
    must = ("organization", "scm_type", "scm_url")

    class Meta:
        model = Project
        fields = [
            "name", "description", "organization", "scm_type", "scm_url", "scm_branch",
            "scm_refspec", "credential", "signature_validation_credential", "default_environment",
            "scm_update_on_launch",
            "scm_update_cache_timeout", "scm_clean", "scm_track_submodules",
            "allow_override", "timeout",
        ]  # fmt: skip
        labels = {
            "scm_type": "Comes from",
            "scm_url": "URL",
            "scm_branch": "Branch, tag, commit or revision",
            "scm_refspec": "Refspec",
            "credential": "Source control credential",
            "signature_validation_credential": "Signed by",
            "default_environment": "Default execution environment",
            "scm_update_on_launch": "Update before each launch",
            "scm_update_cache_timeout": "Reuse an update for (seconds)",
            "scm_clean": "Discard local changes first",
            "scm_track_submodules": "Follow submodules' branches",
            "allow_override": "Templates may choose another branch",
            "timeout": "Time limit of a sync (seconds)",
        }
        help_texts = {
            "scm_url": "Git: https://, http://, ssh:// or user@host:path. Subversion: svn://, "
            "svn+ssh:// or https://. An archive (tar, zip): https:// or http://.",
            "scm_branch": "Empty: the repository's default branch. An archive has none.",
            "signature_validation_credential": "A GPG public key: every sync is verified by it, "
            "and only verified content runs.",
            "default_environment": "For templates of this project that name none.",
            "timeout": "0: no limit.",
        }
        widgets = {"description": forms.TextInput()}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_kind(self, "credential", "scm")
        only_kind(self, "signature_validation_credential", "cryptography")
        kind = self.fields["scm_type"]
        assert isinstance(kind, forms.ChoiceField)
        kind.choices = [choice for choice in SCM_TYPES if choice[0] in SYNCED]
        self.initial["scm_type"] = self.initial.get("scm_type") or "git"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        kind = cleaned.get("scm_type") or ""
        for name, words in misplaced(kind, cleaned).items():
            self.add_error(name, words)
        try:
            if kind and "scm_url" in cleaned:
                cleaned["scm_url"] = cleaned["scm_url"].strip()
                check_url(kind, cleaned["scm_url"])
                check_revision(kind, cleaned)
        except InvalidInput as error:
            refuse(self, error)
        return cleaned

    def body(self) -> dict[str, Any]:
        """As the API takes it."""
        return {name: getattr(value, "pk", value) for name, value in self.cleaned_data.items()}


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


class CredentialForm(RowForm):
    """Name and place of a credential, and a field for each input that its type describes."""

    use = ("organization",)

    class Meta:
        model = Credential
        fields = ["name", "description", "organization"]
        help_texts = {"organization": "None: yours alone."}
        widgets = {"description": forms.TextInput()}

    def __init__(self, *args: Any, kind: CredentialType, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        shown = self.instance.shown_inputs() if self.instance.pk else kind.defaults()
        for one in kind.fields:
            self.fields[f"input-{one['id']}"] = input_field(
                one, shown.get(one["id"], ""), one["id"] in kind.inputs.get("required", ())
            )

    def _ask_access(self, cleaned: dict[str, Any]) -> None:
        self.instance.credential_type = self.kind
        if cleaned.get("organization") is None and self.instance.pk is None:
            self.instance.owner = self.user
        super()._ask_access(cleaned)

    def body(self) -> dict[str, Any]:
        """As the API takes it. Without an organization a new one is this person's own."""
        given = self.cleaned_data
        organization = given["organization"]
        body: dict[str, Any] = {
            "name": given["name"], "description": given["description"],
            "organization": organization.pk if organization else None,
            "inputs": {
                one["id"]: given[f"input-{one['id']}"]
                for one in self.kind.fields
                if given[f"input-{one['id']}"] not in ("", None)
            },
        }  # fmt: skip
        if self.instance.pk is None:
            body["credential_type"] = self.kind.pk
            body |= {} if organization else {"user": self.user.pk}
        return body


def input_field(one: dict[str, Any], shown: Any, required: bool) -> forms.Field:
    label, words = one.get("label", one["id"]), one.get("help_text", "")
    if one.get("type") == "boolean":
        return forms.BooleanField(label=label, help_text=words, required=False, initial=bool(shown))
    if one.get("choices"):
        choices = [("", "Not set"), *((c, c) for c in one["choices"])]
        return forms.ChoiceField(
            label=label, help_text=words, required=required, choices=choices, initial=shown
        )
    widget: forms.Widget = forms.TextInput()
    if one.get("multiline"):
        widget = Wide(8)
    elif one.get("secret"):
        widget = forms.PasswordInput(render_value=True, attrs={"autocomplete": "new-password"})
    return forms.CharField(
        label=label, help_text=words, required=required, initial=shown, widget=widget, strip=False
    )


def organizations(user: User) -> Any:
    return visible(user, Organization.objects.all())
