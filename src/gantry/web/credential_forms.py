"""Where a field of a credential is looked up, the trial of a lookup, and people's own types."""

from __future__ import annotations

from typing import Any

import yaml
from django import forms

from gantry.base.errors import InvalidInput
from gantry.resources.credentials import Credential, CredentialInputSource, CredentialType
from gantry.resources.variables import parse_variables
from gantry.web.ask import AskForm
from gantry.web.forms import Wide, input_field

_META = "meta:"


class MetadataForm(AskForm):
    """What an external credential must be told besides, to find one value."""

    def __init__(self, data: Any = None, *, kind: CredentialType, first: dict[str, Any]) -> None:
        super().__init__(data)
        required = kind.inputs.get("required", ())
        for one in kind.inputs.get("metadata", ()):
            shown = first.get(one["id"], one.get("default", ""))
            self.fields[_META + one["id"]] = input_field(one, shown, one["id"] in required)
        self.names = {f"metadata.{one['id']}": _META + one["id"]
                      for one in kind.inputs.get("metadata", ())}  # fmt: skip

    def metadata(self) -> dict[str, Any]:
        return {name.removeprefix(_META): value for name, value in self.cleaned_data.items()
                if name.startswith(_META) and value not in ("", None)}  # fmt: skip

    def body(self) -> dict[str, Any]:
        return {"metadata": self.metadata(), "inputs": {}}


class LookupForm(MetadataForm):
    """One field of one credential, by one external credential."""

    def __init__(
        self, data: Any = None, *, target: Credential, field: str, source: Credential,
        row: CredentialInputSource | None,
    ) -> None:  # fmt: skip
        first = row.metadata if row is not None and row.source_credential_id == source.pk else {}
        super().__init__(data, kind=source.credential_type, first=first)
        self.target, self.field, self.source = target, field, source

    def body(self) -> dict[str, Any]:
        return {
            "metadata": self.metadata(), "target_credential": self.target.pk,
            "source_credential": self.source.pk, "input_field_name": self.field,
        }  # fmt: skip


class TypeForm(AskForm):
    name = forms.CharField(max_length=512)
    description = forms.CharField(required=False)
    kind = forms.ChoiceField(choices=[("cloud", "Cloud"), ("net", "Network")])
    inputs = forms.CharField(
        required=False, widget=Wide(10),
        help_text="YAML or JSON: fields (id, label, type, secret, multiline, choices), required.",
    )  # fmt: skip
    injectors = forms.CharField(
        required=False, widget=Wide(10),
        help_text="YAML or JSON: env, extra_vars and file; their values are templates.",
    )  # fmt: skip

    def __init__(self, data: Any = None, *, row: CredentialType | None) -> None:
        first: dict[str, Any] = {"inputs": _EXAMPLE_INPUTS, "injectors": _EXAMPLE_INJECTORS}
        if row is not None:
            first = {"name": row.name, "description": row.description, "kind": row.kind,
                     "inputs": text_of(row.inputs),
                     "injectors": text_of(row.injectors)}  # fmt: skip
        super().__init__(data, initial=first)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in ("inputs", "injectors"):
            try:
                cleaned[name] = parse_variables(cleaned.get(name), field=name)
            except InvalidInput as error:
                self.add_error(name, str(error))
        return cleaned


def text_of(value: Any) -> str:
    if not value:
        return ""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


_EXAMPLE_INPUTS = """\
fields:
  - id: token
    label: Token
    type: string
    secret: true
required: [token]
"""
_EXAMPLE_INJECTORS = """\
env:
  EXAMPLE_TOKEN: "{{ token }}"
"""
