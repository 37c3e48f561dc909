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

    def body(self) -> dict[str, Any]:
        """As the API takes it."""
        return {name: getattr(value, "pk", value) for name, value in self.cleaned_data.items()}


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
